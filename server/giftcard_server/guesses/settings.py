"""The settings of attempts: where replicas count them, and how long a refusal takes."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, SecretStr

SCHEMES: Final = ("redis", "rediss")


def _redis_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        is_sound = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # The text of the error would quote the URL.
        is_sound = False
    if not is_sound:
        message = f"must be a URL that begins with {' or '.join(f'{each}://' for each in SCHEMES)}"
        raise ValueError(message)
    return url


# A secret, which does not print, since it may hold a password.
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
# A shopper waits for it.
FloorSeconds = Annotated[float, Field(ge=0, le=5)]


class GuessSettings(BaseModel):
    """How many wrong codes are too many, and how long a refusal of a code takes, in seconds."""

    model_config = ConfigDict(frozen=True)

    attempts_per_key: PositiveInt = 10
    attempts_per_caller: PositiveInt = 1000
    attempts_in_all: PositiveInt = 5000
    attempt_window_seconds: PositiveInt = 600
    attempt_floor_seconds: FloorSeconds = 0.05
    attempt_floor_tripped_seconds: FloorSeconds = 1
    attempts_redis_url: RedisUrl | None = None
