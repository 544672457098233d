"""Read the settings from the environment (`GIFTCARD_...`) and from a TOML file.

The environment wins over the file that `GIFTCARD_CONFIG` names. Both are read when the server
starts, and all mistakes are reported together.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError, model_validator

from giftcard_server.errors import SettingsError
from giftcard_server.settings import PREFIX, Environment, ServingSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pydantic_core import ErrorDetails
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

CONFIG: Final = "GIFTCARD_CONFIG"
# Variables of the command line `giftcard`, which users set beside those of a server.
OF_THE_CLIENT: Final = frozenset({"GIFTCARD_TARGET"})

# Settings with a secret. That of the database has one where there is a password in its URL.
SECRET: Final = frozenset({"keys", "smtp_password", "attempts_redis_url"})


class Look(NamedTuple):
    """What the environment and the file say, with all mistakes, none of which quotes a value.

    `mistaken` are the settings that are wrong by themselves: `settings` have their defaults. They
    are None where the file cannot be read.
    """

    settings: Settings | None
    mistakes: Sequence[str] = ()
    mistaken: frozenset[str] = frozenset()


def read_settings(kind: type[Settings] = Settings) -> Settings:
    """Read the settings. Raises `SettingsError` with all mistakes, none of which quotes a value."""
    look = look_at_settings(kind)
    if look.mistakes or look.settings is None:
        raise SettingsError("\n".join(look.mistakes))
    return look.settings


def look_at_settings(kind: type[Settings]) -> Look:
    """Read the settings, and those that are right also where others are not."""
    mistakes: list[str] = []
    from_file: dict[str, Any] = {}
    try:
        from_file = _read_file()
    except (OSError, ValueError, RecursionError) as error:
        mistakes.append(f"{CONFIG}: {_why(error)}")
    is_whole = not mistakes
    try:
        settings = kind(**from_file)
    except RecursionError:
        return Look(None, [*mistakes, "a setting is nested too deeply"])
    except ValidationError as error:
        mistaken = frozenset(_names(error))
        mistakes += [_mistake(each) for each in error.errors(include_input=False)]
        mistakes += _mistakes_of_the_rest(kind, from_file, mistaken)
        right = _Loose(**_right(from_file, mistaken)) if is_whole else None
        return Look(right, mistakes, mistaken)
    return Look(settings if is_whole else None, mistakes)


def read_serving_settings() -> Settings:
    """Read the settings of a process that serves, likewise."""
    return read_settings(ServingSettings)


class _Rest(Settings):
    """Settings without those that are mistaken, to see whether they fit together."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read neither the environment nor a file again."""
        return (init_settings,)


class _ServingRest(_Rest, ServingSettings):
    """Likewise, for a process that serves."""


class _Loose(_Rest):
    """Settings that need not fit together, to be looked at one by one."""

    @model_validator(mode="after")
    def _fits_together(self) -> _Loose:
        return self


def _right(from_file: dict[str, Any], mistaken: Collection[str]) -> dict[str, Any]:
    """Return the settings that are not mistaken, as the environment and the file have them."""
    given = from_file | Environment(Settings)()
    return {name: value for name, value in given.items() if name not in mistaken}


def _names(error: ValidationError) -> set[str]:
    """Return the settings that are mistaken by themselves."""
    return {str(each["loc"][0]) for each in error.errors() if each["loc"]}


def _mistakes_of_the_rest(
    kind: type[Settings], from_file: dict[str, Any], mistaken: Collection[str]
) -> list[str]:
    """Return how the other settings do not fit together: the model says so only of right ones.

    Defaults stand in for settings that are mistaken; what names one of these is left out.
    """
    if not mistaken:
        return []
    rest = _ServingRest if issubclass(kind, ServingSettings) else _Rest
    try:
        rest(**_right(from_file, mistaken))
    except ValidationError as error:
        found = [line for each in error.errors() for line in _mistake(each).splitlines()]
        return [line for line in found if not any(name in line for name in mistaken)]
    return []


def file_with_secrets() -> Path | None:
    """Return the file of the settings where a secret stands in it. It can be read, or is absent."""
    try:
        read = _read_file()
    except (OSError, ValueError, RecursionError):
        return None
    has_some = not SECRET.isdisjoint(read) or "@" in str(read.get("database_url"))
    return Path(os.environ[CONFIG]) if has_some else None


def _read_file() -> dict[str, Any]:
    path = os.environ.get(CONFIG)
    if not path:
        return {}
    with Path(path).open("rb") as file:
        return _with_flat_relay(tomllib.load(file))


def _with_flat_relay(read: dict[str, Any]) -> dict[str, Any]:
    """Return a file's settings with those of its table `[smtp]` by their names: `smtp_host`."""
    relay = read.get("smtp")
    if not isinstance(relay, dict):
        return read
    others = {name: value for name, value in read.items() if name != "smtp"}
    return others | {f"smtp_{name}": value for name, value in relay.items()}


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}: {error.filename}"
    return f"not a TOML file: {error}"


def _mistake(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"] if not str(part).startswith("function-"))
    why = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {why}" if where else why


def unknown_variables() -> list[str]:
    """Return variables that begin like settings and are none, perhaps because of a typing error.

    Those of the command line of clients are right, since both are used on one machine.

    They are no mistake, since Kubernetes sets `GIFTCARD_PORT` and similar variables for a service
    named "giftcard".
    """
    known = known_variables() | OF_THE_CLIENT
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def doubts() -> list[str]:
    """Return a sentence for each unknown variable, with the setting that may have been meant."""
    known = sorted(known_variables())
    found = [(name, difflib.get_close_matches(name, known, 1)) for name in unknown_variables()]
    return [
        f"{name} is no setting" + (f"; {near[0]} is one" if near else "") for name, near in found
    ]


def known_variables() -> set[str]:
    """Return every variable of a server."""
    return {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CONFIG}
