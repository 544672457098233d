"""What many tests share: servers, databases, calls and facts that a test starts from."""
