"""`python -m giftcard_server` serves, with settings from the environment."""

from giftcard_server.commands.serve import serve

if __name__ == "__main__":
    serve()
