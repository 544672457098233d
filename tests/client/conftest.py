"""Clients of the real server, directly and through a gateway that loses answers."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from giftcard_client import GiftCards, Issued, Money, Purchase
from giftcard_client.tender import GiftCardTender
from given.calls.shop import TIMEOUT_SECONDS
from given.checkout.faulty_gateway import FaultyGateway
from given.checkout.shopping import BUYER, Buy
from given.servers.server_process import ServerProcess

# Long enough for the server on a busy machine, and short enough for a test to wait.
IMPATIENT_SECONDS = 1.0


@pytest.fixture
def cards(live_server: ServerProcess) -> Iterator[GiftCards]:
    """A client of the real server."""
    with GiftCards(live_server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


@pytest.fixture
def gateway(live_server: ServerProcess) -> Iterator[FaultyGateway]:
    """A gateway in front of the real server."""
    with FaultyGateway(live_server.target) as running:
        yield running


@pytest.fixture
def lossy_cards(gateway: FaultyGateway) -> Iterator[GiftCards]:
    """A client that reaches the real server through the gateway."""
    with GiftCards(gateway.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


@pytest.fixture
def buy(cards: GiftCards) -> Buy:
    """Buys a card over an amount in cents."""

    def bought(amount_minor: int) -> Issued:
        return cards.issue(
            market="fr",
            amount=Money(amount_minor),
            purchase=Purchase(f"purchase-{uuid4()}", f"psp-{uuid4()}"),
            purchaser=BUYER,
        )

    return bought


@pytest.fixture
def tender(cards: GiftCards) -> GiftCardTender:
    """The gift card as a tender."""
    return GiftCardTender(cards)


@pytest.fixture
def lossy_tender(lossy_cards: GiftCards) -> GiftCardTender:
    """The gift card as a tender that is reached through the gateway."""
    return GiftCardTender(lossy_cards)


@pytest.fixture
def impatient_tender(gateway: FaultyGateway) -> Iterator[GiftCardTender]:
    """A tender that is reached through the gateway, with short deadlines."""
    with GiftCards(gateway.target, timeout_seconds=IMPATIENT_SECONDS) as client:
        yield GiftCardTender(client)
