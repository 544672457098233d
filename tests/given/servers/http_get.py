"""GET requests to the server's HTTP port."""

import urllib.error
import urllib.request


def get(url: str) -> tuple[int, str]:
    """Return the status and the text, also of an error."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
