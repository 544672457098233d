"""What the settings of attempts may be: where replicas count them, how long a no takes."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

SCHEMES: Final = ("redis", "rediss")


def _redis_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        is_sound = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # Its own text would quote the URL.
        is_sound = False
    if not is_sound:
        message = f"must be a URL that begins with {' or '.join(f'{each}://' for each in SCHEMES)}"
        raise ValueError(message)
    return url


# It does not print, since a password may be in it.
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
# A shopper waits for it, and a thread does.
FloorSeconds = Annotated[float, Field(ge=0, le=5)]
