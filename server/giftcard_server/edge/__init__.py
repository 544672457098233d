"""gRPC: messages come in here, and answers leave."""
