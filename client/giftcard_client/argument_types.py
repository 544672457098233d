"""Arguments of a wrong type raise TypeError with the name of the argument, and never its value.

Python finds such a mistake late and says little: a text for a day ends as "'str' object has
no attribute 'year'", and an object for an id is sent as its `repr`. A value is not shown,
since it may be a code or a person (R30).
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

Params = ParamSpec("Params")
Result = TypeVar("Result")

NUMBERS = {int: (int,), float: (int, float)}


def checked(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Check the arguments of a function against its annotations before it runs."""
    signature = inspect.signature(function, eval_str=True)
    wanted = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not inspect.Parameter.empty
    }

    @functools.wraps(function)
    def checking(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            given: Mapping[str, Any] = signature.bind(*args, **kwargs).arguments
        except TypeError:
            given = {}  # Python itself says below which argument is missing or too much.
        for name in wanted.keys() & given.keys():
            require_type(name, given[name], wanted[name])
        return function(*args, **kwargs)

    return checking


def require_field_types(value: object) -> None:
    """Check the fields of a dataclass against their annotations; for its `__post_init__`."""
    kind: Any = type(value)  # The types of dataclasses have nothing in common.
    wanted = _field_types(kind)
    for field in fields(kind):
        name = f"{kind.__name__}.{field.name}"
        require_type(name, getattr(value, field.name), wanted[field.name])


def require_type(name: str, value: object, wanted: Any) -> None:  # noqa: ANN401 - any annotation
    """Raise TypeError with the name, unless the value is of the type that is wanted."""
    if not _fits(value, wanted):
        message = f"{name} must be {_described(wanted)}, not {type(value).__name__}"
        raise TypeError(message)


@functools.cache
def _field_types(kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any dataclass
    return get_type_hints(kind)


def _fits(value: Any, wanted: Any) -> bool:  # noqa: ANN401 - any value and annotation
    origin = get_origin(wanted)
    if origin is UnionType:
        return any(_fits(value, each) for each in get_args(wanted))
    if origin in {Sequence, Iterable}:
        # A text is a sequence of letters, which nobody means.
        is_many = isinstance(value, origin) and not isinstance(value, str | bytes)
        # An iterable may be read once only, so that its items are not looked at.
        return is_many and (
            origin is Iterable or all(_fits(each, get_args(wanted)[0]) for each in value)
        )
    if wanted in NUMBERS:
        return isinstance(value, NUMBERS[wanted]) and not isinstance(value, bool)
    if issubclass(wanted, Enum):
        # Its word will do, since the words of the contract are texts.
        return isinstance(value, wanted) or value in [word.value for word in wanted]
    return isinstance(value, wanted)


def _described(wanted: Any) -> str:  # noqa: ANN401 - any annotation
    origin = get_origin(wanted)
    if origin is UnionType:
        return " or ".join(map(_described, get_args(wanted)))
    if origin in {Sequence, Iterable}:
        return f"several {_described(get_args(wanted)[0])}"
    if wanted is NoneType:
        return "None"
    if issubclass(wanted, Enum):
        words = ", ".join(word.name for word in wanted if word.name != "UNRECOGNIZED")
        return f"a {wanted.__name__} ({words})"
    return str(wanted.__name__)
