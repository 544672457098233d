"""Who sees which authorizations: all of them by their ids, and by request those of the caller."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import grpc
import pytest

from giftcard_rules.commands import RequestKey
from giftcard_server.callers.callers import Caller
from giftcard_server.edge import authorization_requests
from giftcard_server.service import Service
from given.calls import looking, sent
from given.calls.answered import refusal
from given.calls.shop import Shop
from given.servers.mutual import CALLERS, Mutual, uri
from given.servers.running import Clock, running, settings, target_of

pytestmark = pytest.mark.one_database
Code = grpc.StatusCode
NOT_PERMITTED: Final = "the caller does not have the role checkout"


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Mutual:
    return Mutual(tmp_path_factory.mktemp("callers"))


@pytest.fixture(scope="module")
def service(mutual: Mutual) -> Iterator[Service]:
    with_callers = settings(mutual.folder, **mutual.settings, callers=CALLERS)
    with running(with_callers, Clock()) as started:
        yield started


@pytest.fixture(scope="module")
def shops(mutual: Mutual, service: Service) -> Iterator[dict[str, Shop]]:
    """A shop of each caller, by the last part of its name."""
    with ExitStack() as opened:
        yield {
            name: Shop(
                opened.enter_context(mutual.channel(target_of(service), mutual.of(uri(name))))
            )
            for name in ("checkout", "refunds", "support", "shop")
        }


def lost_authorize(shops: dict[str, Shop]) -> Any:
    """Return an Authorize of the shop whose answer nobody has read."""
    request = sent.authorize(shops["shop"].bought().code)
    shops["shop"].call(request)
    return request


@pytest.mark.parametrize("name", ["checkout", "refunds", "support", "shop"])
def test_an_authorization_of_another_caller_is_shown_by_its_id_and_by_its_order(
    shops: dict[str, Shop], name: str
) -> None:
    request = lost_authorize(shops)
    held = shops["shop"].call(looking.get_by_request(request.request_id)).authorization
    assert shops[name].call(looking.get(held.authorization_id)).authorization == held
    (listed,) = shops[name].call(looking.list_of(held.order_id)).authorizations
    assert listed == held
    previewed = shops[name].call(looking.preview_of(sent.reverse(held.authorization_id)))
    assert previewed.outcome


def test_a_request_id_is_looked_up_among_those_of_the_caller_alone(shops: dict[str, Shop]) -> None:
    asked = looking.get_by_request(lost_authorize(shops).request_id)
    assert refusal(lambda: shops["checkout"].call(asked)).reason == "AUTHORIZATION_NOT_FOUND"


def test_a_request_is_looked_up_under_each_name_of_its_caller_the_present_one_first() -> None:
    caller = Caller("web shop", frozenset(), formerly=("plaintext", "old shop"))
    request_id = sent.new_id()
    query = authorization_requests.get(looking.get_by_request(request_id), caller)
    names = ["web shop", "plaintext", "old shop"]
    assert query.authorize == tuple(RequestKey(name, request_id) for name in names)


@pytest.mark.parametrize("name", ["refunds", "support"])
@pytest.mark.parametrize(
    "question",
    [
        looking.get_by_request,
        lambda request_id: looking.preview_of(sent.reverse_request(request_id)),
    ],
    ids=["GetAuthorization", "PreviewReverse"],
)
def test_a_caller_that_may_not_authorize_names_no_request(
    shops: dict[str, Shop], name: str, question: Callable[[str], Any]
) -> None:
    asked = question(lost_authorize(shops).request_id)
    refused = refusal(lambda: shops[name].call(asked))
    assert (refused.status, refused.text) == (Code.PERMISSION_DENIED, NOT_PERMITTED)
