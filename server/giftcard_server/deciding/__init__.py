"""Commands become decisions here: in batches, each one durable transaction."""
