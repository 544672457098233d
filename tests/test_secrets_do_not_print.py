"""Codes, keys and people never print, in whatever way an object that holds them is printed."""

import json
import logging
import pprint
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from email.message import EmailMessage
from importlib import import_module
from inspect import isclass
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Final

import pytest
from peewee import SqliteDatabase
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

import giftcard_client
import giftcard_rules
import giftcard_server
import giftcard_storage
from giftcard.v1.gift_card_pb2 import GiftCard
from giftcard_client import connector, results, support_results, values
from giftcard_client.sandbox import SandboxCard
from giftcard_client.vocabulary import (
    AuthorizationState,
    CardOrigin,
    CardState,
    PersonRole,
    PersonState,
    ReverseOutcome,
)
from giftcard_rules import act_commands, codes, commands, decisions
from giftcard_rules.acts import ActedBy, Ground
from giftcard_rules.authorization_calls import CardsShown, PreviewReverse
from giftcard_rules.deliveries import Addressee, DeliveryKind
from giftcard_rules.facts import Facts, RequestRecord
from giftcard_server.callers.certificates import _Contents
from giftcard_server.callers.four_eyes import FourEyes
from giftcard_server.commands.development_authority import Certified
from giftcard_server.deciding.submission import Submission
from giftcard_server.doctor.examination import CHECKS
from giftcard_server.edge.canonical import Read
from giftcard_server.edge.requests import RequestReader
from giftcard_server.edge.sandbox.card_making import CardMaking, Made
from giftcard_server.edge.support.desk import Desk, ShownCard
from giftcard_server.edge.support.queries import Find
from giftcard_server.edge.support.requests import ActReader
from giftcard_server.edge.support.servicer import SupportParts
from giftcard_server.guesses.settings import GuessSettings
from giftcard_server.keys.settings import KeySettings
from giftcard_server.mail.addressees import Reached
from giftcard_server.mail.addresses import mailbox
from giftcard_server.mail.answer import Answer, Outcome
from giftcard_server.mail.dispatch import Post, Prepared
from giftcard_server.mail.folder import FolderTransport
from giftcard_server.mail.letter import Shop
from giftcard_server.mail.letters import Sending
from giftcard_server.mail.made_up import made_up
from giftcard_server.mail.smtp import Attempt
from giftcard_server.mail_settings import MailSettings, MailWay
from giftcard_server.market_settings import MarketsSettings
from giftcard_server.parts import Parts
from giftcard_server.settings import ServingSettings, Settings
from giftcard_server.settings_reading import Look, _Loose, _Rest, _ServingRest
from giftcard_storage.acts.entries import _Opening
from giftcard_storage.acts.notes import NoteSealing
from giftcard_storage.data_keys import DataKey, UnwrapError
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.desk.finding import CardsQuery, Named
from giftcard_storage.desk.looking import LookedUp
from giftcard_storage.store import Loaded, Store
from giftcard_storage.walks.relations import Range, Walk
from giftcard_storage.walks.walking import Slice
from given.made_facts import FRANCE, NOW, authorize, issue, order, request_key, reverse
from given.printed_people import printed_people

CANARY: Final = "CANARY7Y"
PACKAGES: Final = (giftcard_rules, giftcard_storage, giftcard_server, giftcard_client)

# A field with one of these names is secret by itself.
SECRET_NAMES: Final = {
    "answer",
    "attempts_redis_url",
    "canonical",
    "former",
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
    "smtp_password",
    "sealed",
    "secret",
    "wrapped",
}
# Fields whose names only look secret, and their real content.
HARMLESS: Final = {
    "giftcard_client.histories.search._Placed.former": "what a search has placed before",
    "giftcard_client.connector.TenderResult.code": "why a payment was declined",
    "giftcard_client.connector.TenderResult.message": "the text for that code",
    "giftcard_client.tender.Quote.code": "why a payment would be declined",
    "giftcard_client.tender.Quote.message": "the text for that code",
    "giftcard_server.callers.callers.Caller.name": "the name of a program, which belongs in logs",
    "giftcard_server.clocks.judgement.Anchor.name": "whose time it is, such as PostgreSQL's",
    "giftcard_server.edge.event_tail.Encoded.message": "an event, without a person and a code",
    "giftcard_server.mail.smtp.Attempt.answer": "what became of a message, without the message",
    "giftcard_server.mail_settings.Sender.name": "the name of the shop that sends",
    "giftcard_server.mail.letter.Shop.name": "how a market presents itself, which is public",
    "giftcard_server.process.limits.Limit.name": "the name of a limit of the system",
    "giftcard_storage.versions.Planned.name": "the name of a migration",
    "giftcard_rules.act_commands.OtherAct.name": "the name of an RPC",
    "giftcard_storage.walks.relations.Walk.name": "the name of a part of the audit",
    "giftcard_rules.terms.Market.name": "the name of a market, such as fr",
}
# Unions with a secret member, and that member.
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
    """Return the type of each field by its name, and whether it prints."""
    if is_dataclass(made):
        return {each.name: (str(each.type), each.repr) for each in fields(made)}
    if issubclass(made, tuple):
        named = getattr(made, "_fields", ())
        return {name: (str(made.__annotations__[name]), True) for name in named}
    models = getattr(made, "model_fields", {})
    return {name: (str(each.annotation), each.repr) for name, each in models.items()}


def carriers() -> set[type]:
    """Return the classes that have a secret in them, or in a value in them."""
    every = list(classes())
    found: set[type] = set()
    while True:
        known = {made.__name__ for made in found}
        more = {made for made in every if made not in found and _carries(made, known)}
        if not more:
            return found
        found |= more


def _carries(made: type, known: set[str]) -> bool:
    for name, (kind, _) in fields_of(made).items():
        words = {UNIONS.get(word, word) for word in re.findall(r"\w+", kind)}
        is_secret = name in SECRET_NAMES and _path(made, name) not in HARMLESS
        if is_secret or (words & known and not kind.startswith(("enum", "Callable"))):
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
SECRET_URL: Final = DatabaseUrl.parse(f"postgresql://user:{CANARY}@host/books")
REDIS_URL: Final = SecretStr(f"redis://:{CANARY}@host/0")
SETTINGS: Final = Settings(keys=RING, database_url=SECRET_URL, attempts_redis_url=REDIS_URL)
OF_SHOP: Final = Shop(name="a shop", privacy_contact="")
MAIL: Final = EmailMessage()
MAIL["Subject"] = CANARY
BESIDE: Final = FolderTransport(Path())
LETTER: Final = made_up(
    DeliveryKind.CARD,
    code=CANARY,
    locale=CANARY,
    message=CANARY,
    purchase_order_id=CANARY,
    order_id=CANARY,
    **dict.fromkeys(
        ("addressee_name", "purchaser_name", "recipient_name", "named_by_name"), CANARY
    ),
)
NO_STORE: Final = Store(SqliteDatabase(None))

NOTED: Final = ActedBy("anna", Ground.OTHER, CANARY)
RESENT: Final = act_commands.ActOnCard(
    key=request_key(),
    act=act_commands.ResendCard("1", f"{CANARY}@example.com"),
    by=NOTED,
    act_id="2",
    request=CANARY.encode(),
)
PURCHASER: Final = support_results.CardPerson(PersonRole.PURCHASER, "", PersonState.KEPT, WHOM)
OPENED: Final[Any] = {(decisions.PersonRole.PURCHASER, None): WHO}
DESK: Final = Desk(
    database=NO_STORE._database, store=NO_STORE, ring=RING, markets={}, now=lambda: NOW
)
MAKING: Final[Any] = dict.fromkeys(CardMaking.__slots__) | {"reader": RequestReader(RING, {})}
SUPPORT: Final[Any] = dict.fromkeys(SupportParts.__slots__) | {"desk": DESK}

MADE: Final[tuple[object, ...]] = (
    NOTED,
    RESENT,
    act_commands.ApproveProposal(
        key=request_key(), proposal_id="2", act=RESENT, by=NOTED, act_id="3"
    ),
    PURCHASER,
    support_results.ShownCard(CARD, None, (CARD,), (), (), (PURCHASER,), None),
    DESK,
    ShownCard("1", LookedUp((), (), None, ()), CardsShown(()), [], OPENED),
    SupportParts(**SUPPORT),
    CardMaking(**MAKING),
    Made(card=GiftCard(), code=codes.Code(CANARY), purchase_order_id="1"),
    SandboxCard(CARD, CANARY, "1", "2", "3"),
    Find(CardsQuery(Named.CARDS, (), None, None, 1), email=CANARY),
    ActReader(RING, ()),
    _Opening(NoteSealing(RING), [DATA_KEY]),
    WHO,
    WHOM,
    KEY,
    RING,
    PERSON,
    DATA_KEY,
    *printed_people(WHO, RING),
    ISSUE,
    RECORD,
    FACTS,
    OUTCOME,
    BACK,
    CREDIT,
    codes.Code(CANARY),
    authorize("1", order(), customer=WHO),
    replace(reverse("2"), beneficiary=WHO),
    PreviewReverse(replace(reverse("2"), beneficiary=WHO)),
    SECRET_URL,
    Loaded(FACTS, {}, frozenset(), {"1": [DATA_KEY]}),
    Read(ISSUE, CANARY.encode(), CANARY.encode),
    Submission(ISSUE, CANARY.encode(), CANARY.encode),
    RequestReader(RING, {}),
    Reached(Addressee("1", PERSON.role), PERSON, PERSON, None),
    Sending(FRANCE, OF_SHOP, NOW),
    Post(market=FRANCE, shop=OF_SHOP, sender=mailbox("x", "x@y.z"), transport=BESIDE),
    Prepared(Reached(Addressee("1", PERSON.role), PERSON, None, None), MAIL, CANARY),
    _Rest(keys=RING, database_url=SECRET_URL, attempts_redis_url=REDIS_URL),
    _Loose(keys=RING, database_url=SECRET_URL, attempts_redis_url=REDIS_URL),
    Look(SETTINGS),
    CHECKS[0],
    _ServingRest(keys=RING, database_url=SECRET_URL, mail=MailWay.NONE),
    FourEyes(),
    (WALK := Walk("cards", "card", "card_id", {"card": "card_id"}, 1.0)),
    Slice(WALK, Range("", None), [], []),
    KeySettings(keys=RING, database_url=SECRET_URL),
    GuessSettings(attempts_redis_url=REDIS_URL),
    SETTINGS,
    ServingSettings(keys=RING, database_url=SECRET_URL, mail=MailWay.NONE),
    MailSettings(smtp_user="us", smtp_password=SecretStr(CANARY)),
    MarketsSettings(smtp_user="us", smtp_password=SecretStr(CANARY)),
    Attempt(Answer(Outcome.SENT), f"250 {CANARY}"),
    Parts(
        settings=SETTINGS,
        ring=RING,
        markets={},
        writing=NO_STORE,
        reading=NO_STORE,
        reading_durably=NO_STORE,
        find_refunds=lambda _queries: [],
        now=lambda: NOW,
        registry=CollectorRegistry(),
    ),
    _Contents(b"", CANARY.encode(), None),
    Certified(b"", CANARY.encode()),
    LETTER,
    LETTER.shop,
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


def test_every_class_that_carries_a_secret_is_printed_here() -> None:
    made = {type(each) for each in MADE}
    assert {_name(each) for each in carriers() - made} == set()


def test_a_field_with_a_secret_name_does_not_print() -> None:
    printing = {
        _path(made, name)
        for made in classes()
        for name, (kind, prints) in fields_of(made).items()
        if name in SECRET_NAMES and prints and "SecretStr" not in kind
    }
    assert printing == HARMLESS.keys()


def test_a_data_key_that_cannot_be_unwrapped_names_only_its_ring_key() -> None:
    error: Any = UnwrapError("k1")
    assert repr(error) == "UnwrapError('k1')"
