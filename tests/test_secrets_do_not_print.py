"""Codes, keys and people are values that do not print, however somebody prints what holds them."""

import json
import logging
import pprint
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from inspect import isclass
from pkgutil import walk_packages
from typing import Any, Final

import pytest

import giftcard_client
import giftcard_rules
import giftcard_server
import giftcard_storage
from giftcard_client import connector, results, values
from giftcard_client.vocabulary import AuthorizationState, CardOrigin, CardState, ReverseOutcome
from giftcard_rules import codes, commands, decisions
from giftcard_rules.facts import Facts, RequestRecord
from giftcard_server.callers.certificates import _Contents
from giftcard_server.commands.development_authority import Certified
from giftcard_server.deciding.committer import Submission
from giftcard_server.edge.requests import RequestReader
from giftcard_server.settings import Settings
from giftcard_storage.data_keys import DataKey, UnwrapError
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.store import Loaded
from given.made_facts import authorize, issue, order, request_key, reverse

CANARY: Final = "CANARY7Y"
PACKAGES: Final = (giftcard_rules, giftcard_storage, giftcard_server, giftcard_client)

# A field with one of these names is secret by itself.
SECRET_NAMES: Final = {
    "answer",
    "attempts_redis_url",
    "characters",
    "code",
    "email",
    "instrument",
    "keyed",
    "locale",
    "location",
    "message",
    "name",
    "private_key",
    "sealed",
    "secret",
    "wrapped",
}
# Those that only look like it, and what they are.
HARMLESS: Final = {
    "giftcard_client.connector.TenderResult.code": "why a payment was declined",
    "giftcard_client.connector.TenderResult.message": "our own words on that",
    "giftcard_client.tender.Quote.code": "why a payment would be declined",
    "giftcard_client.tender.Quote.message": "our own words on that",
    "giftcard_server.callers.callers.Caller.name": "the name of a program, which logs have to tell",
}
# What a union stands for that has one that is secret in it.
UNIONS: Final = {"Command": "Issue", "Keyed": "Issue", "Outcome": ""}


def classes() -> Iterator[type]:
    """Yield every class of ours that prints its fields."""
    for package in PACKAGES:
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith((".__main__", ".migrations")):
                continue
            module = import_module(found.name)
            for value in vars(module).values():
                if isclass(value) and value.__module__ == found.name and fields_of(value):
                    yield value


def fields_of(made: type) -> dict[str, tuple[str, bool]]:
    """Return by name what each field is, and whether it prints."""
    if is_dataclass(made):
        return {each.name: (str(each.type), each.repr) for each in fields(made)}
    if issubclass(made, tuple):
        named = getattr(made, "_fields", ())
        return {name: (str(made.__annotations__[name]), True) for name in named}
    told = getattr(made, "model_fields", {})
    return {name: (str(each.annotation), each.repr) for name, each in told.items()}


def carriers() -> set[type]:
    """Return the classes that have something secret in them, or in what is in them."""
    every = list(classes())
    found: set[type] = set()
    while True:
        known = {made.__name__ for made in found}
        more = {made for made in every if made not in found and _carries(made, known)}
        if not more:
            return found
        found |= more


def _carries(made: type, known: set[str]) -> bool:
    for name, (told, _) in fields_of(made).items():
        words = {UNIONS.get(word, word) for word in re.findall(r"\w+", told)}
        is_secret = name in SECRET_NAMES and _path(made, name) not in HARMLESS
        if is_secret or (words & known and not told.startswith(("enum", "Callable"))):
            return True
    return False


def _path(made: type, name: str) -> str:
    return f"{_name(made)}.{name}"


def _name(made: type) -> str:
    return f"{made.__module__}.{made.__qualname__}"


WHO: Final = commands.Contact(f"{CANARY} Cliente", f"{CANARY}@example.com", f"fr-{CANARY}")
WHOM: Final = values.Contact(f"{CANARY}@example.com", f"{CANARY} Cliente", f"fr-{CANARY}")
KEY: Final = codes.Key("k1", CANARY.encode() * 4)
RING: Final = codes.KeyRing((KEY,))
PERSON: Final = decisions.Person(
    card_id="1",
    role=decisions.PersonRole.CUSTOMER,
    contact=WHO,
    authorization_id="2",
    message=CANARY,
)
DATA_KEY: Final = DataKey("1", "2", "k1", CANARY.encode())
ISSUE: Final = issue(purchaser=WHO, recipient=WHO, message=CANARY)
RECORD: Final = RequestRecord(request_key(), "Issue", answer=CANARY.encode())
FACTS: Final = Facts(requests={RECORD.key: RECORD})
MONEY: Final = values.Money(1)
NOW: Final = datetime(2026, 9, 14, tzinfo=UTC)
CARD: Final = results.GiftCard(
    "1", "fr", CardState.ACTIVE, CardOrigin.PURCHASE, MONEY, MONEY, NOW, NOW, "0000", ""
)
BACK: Final = results.Replacement(CARD, CANARY)
PAID: Final = results.Authorization(
    "2", "1", "fr", "3", AuthorizationState.CAPTURED,
    MONEY, MONEY, MONEY, MONEY, MONEY, MONEY, NOW, NOW,
)  # fmt: skip
CREDIT: Final = connector.StoreCredit(CANARY, MONEY, NOW, "0000")
WANTED: Final = values.Order("1", MONEY, (values.OrderLine("shoes", MONEY),))
OUTCOME: Final = decisions.Decision(outcome=commands.CaughtUp(), people=(PERSON,))

MADE: Final[tuple[object, ...]] = (
    WHO,
    WHOM,
    KEY,
    RING,
    PERSON,
    DATA_KEY,
    ISSUE,
    RECORD,
    FACTS,
    OUTCOME,
    BACK,
    CREDIT,
    codes.Code(CANARY),
    authorize("1", order(), customer=WHO),
    replace(reverse("2"), beneficiary=WHO),
    DatabaseUrl.parse(f"postgresql://user:{CANARY}@host/books"),
    Loaded(FACTS, {}, frozenset(), {"1": [DATA_KEY]}),
    Submission(ISSUE, "k1", lambda _: b""),
    RequestReader(RING, {}),
    Settings(
        keys=RING,
        database_url=f"postgresql://user:{CANARY}@host/books",  # type: ignore[arg-type] # As it is told.
        attempts_redis_url=f"redis://:{CANARY}@host/0",  # type: ignore[arg-type] # As it is told.
    ),
    _Contents(b"", CANARY.encode(), None),
    Certified(b"", CANARY.encode()),
    results.Issued(CARD, CANARY),
    results.Captured(PAID, BACK),
    results.Reversed(ReverseOutcome.REFUNDED, MONEY, MONEY, BACK, PAID),
    connector.Payment("3", CANARY, MONEY, WANTED, "fr", WHOM, "session"),
    connector.TenderResult(connector.TenderStatus.REFUNDED, "3", store_credit=CREDIT),
)

LOG: Final = logging.Formatter("%(message)s")
WAYS: Final[dict[str, Callable[[object], str]]] = {
    "repr": repr,
    "str": str,
    "format": lambda value: f"{value} {value!s:>40} {value!r:.99}",
    "percent": lambda value: "%s %r" % (value, value),  # noqa: UP031 - one of the ways
    "inside": lambda value: f"{[value]} {({1: value},)}",
    "pprint": pprint.pformat,
    "json": lambda value: json.dumps(value, default=repr),
    "exception": lambda value: f"{ValueError(value)} {ValueError('x', value)!r}",
    "notes": lambda value: "".join(traceback.format_exception(KeyError(value))),
    "log": lambda value: LOG.format(
        logging.LogRecord("x", logging.INFO, "x", 1, "%s", (value,), None)
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", MADE, ids=lambda value: _name(type(value)))
def test_r30_no_secret_prints(value: object, way: str) -> None:
    printed = WAYS[way](value)
    assert CANARY not in printed
    assert CANARY.encode().hex() not in printed


def test_whatever_carries_a_secret_is_among_them() -> None:
    made = {type(each) for each in MADE}
    assert {_name(each) for each in carriers() - made} == set()


def test_what_is_secret_by_its_name_is_told_not_to_print() -> None:
    printing = {
        _path(made, name)
        for made in classes()
        for name, (told, prints) in fields_of(made).items()
        if name in SECRET_NAMES and prints and "SecretStr" not in told
    }
    assert printing == HARMLESS.keys()


def test_a_data_key_out_of_reach_says_only_which_key_it_needs() -> None:
    told: Any = UnwrapError("k1")
    assert repr(told) == "UnwrapError('k1')"
