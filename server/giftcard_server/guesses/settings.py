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
    """Wrong codes of one shopper in a window, before the shopper has to wait."""
    attempts_per_caller: PositiveInt = 1000
    """Wrong codes of one caller in a window, before its breaker trips. Without certificates all
    callers count as one: raise it with your traffic."""
    attempts_in_all: PositiveInt = 5000
    """Wrong codes of all callers in a window, before the breaker of all trips."""
    attempt_window_seconds: PositiveInt = 600
    """The length of the moving window."""
    attempt_floor_seconds: FloorSeconds = 0.05
    """The shortest time in which a code is refused, so that the time of the answer reveals
    nothing."""
    attempt_floor_tripped_seconds: FloorSeconds = 1
    """The same while a breaker is tripped: a longer time slows a guesser down, and shoppers with a
    typing error as well."""
    attempts_redis_url: RedisUrl | None = None
    """A Redis where replicas and workers count together: `redis://` or `rediss://`. Set it as soon
    as there is more than one process."""
