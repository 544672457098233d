"""The plain model of the service, with which random runs are compared."""
