"""The service: gRPC on one side, rules and storage on the other."""
