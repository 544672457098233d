"""What a server does about e-mail beside its calls: it makes deliveries, and sends them."""

from __future__ import annotations

import random
import threading
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

from giftcard_server.mail.addresses import mailbox
from giftcard_server.mail.dispatch import Dispatch, Post
from giftcard_server.mail.following import MailFollower
from giftcard_server.mail.letter import Shop
from giftcard_server.mail.metrics import MailMetrics
from giftcard_server.mail.transport import transports_of
from giftcard_server.mail.worker import MailWorker
from giftcard_storage import database
from giftcard_storage.deliveries.claims import Outbox
from giftcard_storage.deliveries.following import FollowedEvents
from giftcard_storage.deliveries.sending import SendingFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.current import Markets
    from giftcard_server.mail.rendering import Renderer
    from giftcard_server.recurring import Recurring
    from giftcard_server.settings import Settings
    from giftcard_server.tracing.tracer import Tracer

# It spreads tries; nobody can gain anything by guessing it.
_CHANCE: Final = random.SystemRandom().random


class Parts(Protocol):
    """What is needed of a server's parts."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102 - as in `giftcard_server.parts`
    @property
    def ring(self) -> KeyRing: ...  # noqa: D102 - likewise
    @property
    def markets(self) -> Markets: ...  # noqa: D102 - likewise
    @property
    def now(self) -> Callable[[], datetime]: ...  # noqa: D102 - likewise
    @property
    def registry(self) -> CollectorRegistry: ...  # noqa: D102 - likewise
    @property
    def tracer(self) -> Tracer | None: ...  # noqa: D102 - likewise


def mail_on(parts: Parts, opened: ExitStack, may_send: Callable[[], bool]) -> list[Recurring]:
    """Return what follows the events, and what sends, each on a connection of its own.

    A server that mails no market follows all the same, so that a market that is mailed from some
    day on begins with that day. `may_send` says whether this server may send now.
    """
    settings, metrics = parts.settings, MailMetrics(parts.registry)
    posts = _posts_of(settings, parts.markets, metrics, opened)
    has_new = threading.Event()
    following = database.connect(settings.database_url)
    opened.callback(database.close, following)
    mailed = frozenset(posts)
    events = FollowedEvents(following)
    follower = MailFollower(events, parts.markets, mailed, parts.now, has_new, metrics)
    if not posts:
        return [follower]
    sending = database.connect(settings.database_url)
    opened.callback(database.close, sending)
    dispatch = Dispatch(SendingFacts(sending, parts.ring), parts.ring, posts, _renderer, _CHANCE)
    outbox, seconds = Outbox(sending), settings.smtp_seconds
    worker = MailWorker(outbox, dispatch, parts.now, may_send, has_new, metrics, seconds)
    worker.tracer = parts.tracer
    return [follower, worker]


@cache
def _renderer() -> Renderer:
    """Return what writes letters; it is imported and made with the first letter, as it is slow."""
    from giftcard_server.mail.rendering import Renderer  # noqa: PLC0415 - see above

    return Renderer()


def _posts_of(
    settings: Settings, markets: Markets, metrics: MailMetrics, opened: ExitStack
) -> Mapping[str, Post]:
    """Return how messages leave, by market, without those that are not mailed."""
    posts = {}
    for name, transport in transports_of(settings, metrics.answered).items():
        if transport is not None:
            opened.callback(transport.close)
            sender = mailbox(*settings.sender_of(name))
            shop = shop_of(settings, name)
            posts[name] = Post(market=markets[name], shop=shop, sender=sender, transport=transport)
    return posts


def shop_of(settings: Settings, market: str) -> Shop:
    """Return how a market presents itself; what its settings leave out is made of its sender."""
    given, sender = settings.shop_of(market), settings.sender_of(market)
    return Shop(
        name=given.shop_name or sender.name or sender.address.rpartition("@")[2],
        privacy_contact=given.privacy_contact or sender.address,
        support_contact=given.support_contact,
        website=given.website,
        language=given.language,
    )
