"""What a consumer was told, compared with what the service tells now."""
