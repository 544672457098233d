"""The composition of the services that see people, which only known callers are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_server.deciding.desk_reader import DeskReader
from giftcard_server.edge.support.desk import Desk
from giftcard_server.edge.support.proposable import acts_on_cards
from giftcard_server.edge.support.requests import ActReader
from giftcard_server.edge.support.servicer import SupportParts, SupportServicer
from giftcard_storage import database
from giftcard_storage.store import Store

if TYPE_CHECKING:
    from contextlib import ExitStack

    from giftcard_server.edge.events import EventServicer
    from giftcard_server.edge.grpc_server import Servicers
    from giftcard_server.parts import Parts
    from giftcard_server.settings import Settings


def with_confidants(parts: Parts, events: EventServicer | None, opened: ExitStack) -> Servicers:
    """Return what answers the RPCs of each service, of those that see people where they may be."""
    support = support_of(parts.settings, parts, opened)
    return parts.servicers._replace(events=events, support=support)


def support_of(settings: Settings, parts: Parts, opened: ExitStack) -> SupportServicer | None:
    """Return what serves Customer Service, on a connection of its own, where it may be served.

    Raises `StartRefusedError`.
    """
    if not settings.serves_confidants:
        return None
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    reader = ActReader(parts.ring, frozenset(settings.four_eyes.acts))
    desk = Desk(
        database=connection,
        store=Store(connection),
        ring=parts.ring,
        markets=parts.markets,
        now=parts.now,
        unmailed=frozenset(settings.unmailed_markets),
    )
    return SupportServicer(
        SupportParts(
            reader=reader,
            desk=desk,
            questions=DeskReader(),
            committer=parts.committer,
            attempts=parts.attempts,
            proposable=acts_on_cards(reader),
            metrics=parts.metrics,
            now=parts.now,
            caller_of=parts.caller_of,
            undecided=parts.servicer.undecided,
        )
    )
