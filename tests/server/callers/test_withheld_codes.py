"""A caller with `codes = false` gets no code of a new card: neither at first nor again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_server.service import Service
from given.calls import sent
from given.calls.shop import Shop
from given.servers.mutual import TRUST_DOMAIN, Mutual, uri
from given.servers.running import Clock, running, settings, target_of

SHOP: Final = f"{TRUST_DOMAIN}/shop"
ROLES: Final = ["checkout", "storefront", "refunds"]
A_CODE: Final = re.compile(rb"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}")


@pytest.fixture
def mutual(tmp_path: Path) -> Mutual:
    return Mutual(tmp_path / "mutual")


@contextmanager
def shop(mutual: Mutual, *, codes: bool) -> Iterator[Shop]:
    """Open the shop at a server on the one database, to which its codes are told or not."""
    callers = {SHOP: {"roles": ROLES, "codes": codes}}
    # The folder of messages is beside the database, so that somebody gets the codes.
    told = settings(mutual.folder, **mutual.settings, callers=callers, mail="folder")
    with running(told, Clock()) as service, _opened(mutual, service) as opened:
        yield opened


@contextmanager
def _opened(mutual: Mutual, service: Service) -> Iterator[Shop]:
    with mutual.channel(target_of(service), mutual.of(uri("shop"))) as channel:
        yield Shop(channel)


def new_cards(shop: Shop) -> list[tuple[Any, Any]]:
    """Make a card in each way, and return the requests with their answers."""
    answered: list[tuple[Any, Any]] = [
        (bought := sent.issue(50_00), shop.call(bought)) for _ in range(2)
    ]
    held = shop.held(answered[0][1].code, sent.order(30_00))
    partly = sent.capture(held.authorization_id, 20_00)
    answered.append((partly, shop.call(partly)))
    paid = shop.paid(answered[1][1].code, sent.order(30_00))
    back = sent.reverse(paid.authorization_id, 10_00)
    answered.append((back, shop.call(back)))
    return answered


def code_in(answer: Any) -> tuple[str, bool]:
    """Return the code that an answer has, and whether it says that it has none."""
    holder = answer if isinstance(answer, pb.IssueResponse) else answer.replacement
    return holder.code, holder.code_withheld


def test_a_caller_without_codes_gets_none_even_of_what_was_answered_with_one(
    mutual: Mutual,
) -> None:
    with shop(mutual, codes=True) as trusted:
        answered = new_cards(trusted)
        for _, answer in answered:
            code, is_withheld = code_in(answer)
            assert A_CODE.fullmatch(code.encode())
            assert not is_withheld
        captured = trusted.paid(trusted.bought().code)

    fresh, refund = sent.issue(), sent.reverse(captured.authorization_id, 10_00)
    with shop(mutual, codes=False) as untrusted:
        for request in (*(request for request, _ in answered), fresh, refund):
            answer, was_replay = untrusted.answered(request)
            assert was_replay == (request not in (fresh, refund))
            assert A_CODE.search(answer) is None
            kind = getattr(pb, type(request).__name__.replace("Request", "Response"))
            assert code_in(kind.FromString(answer)) == ("", True)

    with shop(mutual, codes=True) as trusted:
        for request, answer in answered:
            assert trusted.call(request) == answer
        for request in (fresh, refund):
            code, is_withheld = code_in(trusted.call(request))
            assert A_CODE.fullmatch(code.encode())
            assert not is_withheld
