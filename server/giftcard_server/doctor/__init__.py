"""What may be wrong with a server on this machine, and how to mend it, without starting one."""
