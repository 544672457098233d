"""The RPCs about personal data: reading requests, answering them, exporting people."""
