"""However a request is spelled, it is the same one; another value in any place makes another."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from giftcard_rules.codes import Code, Key, KeyRing, check_character
from giftcard_rules.commands import Keyed
from giftcard_server.edge.canonical import Read
from giftcard_server.edge.requests import RequestReader
from giftcard_server.markets import BUILT_IN
from given.calls.sent import changed, new_id, paths, whole
from given.servers.running import NOON

READER: Final = RequestReader(KeyRing((Key("2026", bytes(32)),)), BUILT_IN)
READ: Final[dict[str, Callable[[Any], Read[Keyed]]]] = {
    "Issue": lambda message: READER.issue(message, "shop", NOON),
    "Authorize": lambda message: READER.authorize(message, "shop"),
    "Capture": lambda message: READER.capture(message, "shop"),
    "Reverse": lambda message: READER.reverse(message, "shop", NOON),
    "Cancel": lambda message: READER.cancel(message, "shop", NOON),
}
RPC: Final = st.sampled_from(sorted(READ))
CODES: Final = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=15, max_size=15).map(
    lambda data: Code(data + check_character(data)).shown
)
# What people put between characters, and what they type instead of one.
BETWEEN: Final = ["", "", "", "-", " ", "\u2013", "\u00a0", "\u200b"]
LOOKALIKES: Final = {"0": "0oO", "1": "1iIlL"}
IDS: Final = ("request_id", "authorization_id", "authorize_request_id")


def as_typed(data: st.DataObject, code: str) -> str:
    typed = ""
    for character in code.replace("-", ""):
        same = LOOKALIKES.get(character, character + character.lower())
        typed += data.draw(st.sampled_from(same)) + data.draw(st.sampled_from(BETWEEN))
    return typed


def in_any_case(data: st.DataObject, text: str) -> str:
    cases = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return "".join(each.upper() if upper else each for each, upper in zip(text, cases, strict=True))


def message_of(data: st.DataObject, rpc: str) -> Any:
    message: Any = whole(rpc)
    if rpc in {"Authorize", "Cancel"}:
        message.code = data.draw(CODES)
    if rpc == "Reverse" and data.draw(st.booleans()):
        message.authorize_request_id = new_id()
    return message


@given(data=st.data(), rpc=RPC)
def test_a_request_in_any_spelling_is_the_same_request(data: st.DataObject, rpc: str) -> None:
    message = message_of(data, rpc)
    other = deepcopy(message)
    for name in IDS:
        if getattr(message, name, ""):
            setattr(other, name, in_any_case(data, getattr(message, name)))
    if rpc in {"Authorize", "Cancel"}:
        other.code = as_typed(data, message.code)
    if rpc == "Authorize":
        other.attempt_key = data.draw(st.sampled_from(["", "another session"]))
    one, two = READ[rpc](message), READ[rpc](other)
    assert one.canonical == two.canonical
    assert one.command == two.command


@given(data=st.data(), rpc=RPC)
def test_another_text_in_any_place_is_another_request(data: st.DataObject, rpc: str) -> None:
    message = message_of(data, rpc)
    texts = [
        path
        for path, _ in paths(message, FieldDescriptor.TYPE_STRING)
        if path not in {"attempt_key", "market", "design"} and not path.endswith("currency_code")
    ]
    path = data.draw(st.sampled_from(texts))
    value = "another@example.com" if path.endswith(("email", "name")) else "fr-CH"
    if path in {"request_id", "authorize_request_id"}:
        value = new_id()
    other = changed(message, path, value)
    assert READ[rpc](message).canonical != READ[rpc](other).canonical
