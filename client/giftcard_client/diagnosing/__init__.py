"""What is wrong where no call arrives: the target, the network, TLS; and what to do about it."""
