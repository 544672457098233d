"""A real browser, which shows e-mails as people see them."""
