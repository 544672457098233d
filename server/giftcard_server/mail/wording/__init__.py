"""The words of e-mails: languages, amounts and days as they are written, text that people typed."""
