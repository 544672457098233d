"""Real servers, their certificates, and the other processes that they need."""
