"""Real servers, their certificates, and the processes beside them."""
