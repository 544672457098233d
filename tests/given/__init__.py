"""Material that many tests share: servers, databases, calls and facts to start from."""
