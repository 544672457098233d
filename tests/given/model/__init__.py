"""The plain model of the service that random runs are compared with."""
