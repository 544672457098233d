"""Codes that no card has, and the reason with which a call is refused for one."""

import random
from typing import Any, Final

import grpc

from giftcard.v1 import reason_pb2 as pb
from giftcard_rules.codes import ALPHABET, DATA_CHARACTERS, check_character
from given.calls.answered import refusal_of
from given.calls.shop import Shop

TOO_MANY: Final = "TOO_MANY_ATTEMPTS"
NOT_FOUND: Final = "CARD_NOT_FOUND"


def unknown(chance: random.Random) -> str:
    """Return a code without a typing error."""
    data = "".join(chance.choices(ALPHABET, k=DATA_CHARACTERS))
    return data + check_character(data)


def mistyped(chance: random.Random) -> str:
    """Return a code with a typing error."""
    code = unknown(chance)
    return code[:-1] + ALPHABET[ALPHABET.index(code[-1]) - 1]


def reason(shop: Shop, request: Any) -> str | None:
    """Send a request and return the reason of its refusal, None if it was not refused."""
    try:
        answer = shop.call(request)
    except grpc.RpcError as error:
        return refusal_of(error).reason
    if not getattr(answer, "reason", 0):  # Validate alone refuses in its response.
        return None
    return pb.Reason.Name(answer.reason).removeprefix("REASON_")
