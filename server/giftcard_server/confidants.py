"""The composition of the services that see people, which only known callers are served."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from giftcard_server.deciding.desk_reader import DeskReader
from giftcard_server.edge.privacy.exporting import PrivacyDesk
from giftcard_server.edge.privacy.requests import PersonActReader, acts_on_people
from giftcard_server.edge.privacy.servicer import PrivacyParts, PrivacyServicer
from giftcard_server.edge.support.desk import Desk
from giftcard_server.edge.support.proposable import acts_on_cards
from giftcard_server.edge.support.requests import ActReader
from giftcard_server.edge.support.servicer import SupportParts, SupportServicer
from giftcard_storage import database
from giftcard_storage.people_search import card_ids_of_email
from giftcard_storage.store import Store

if TYPE_CHECKING:
    from contextlib import ExitStack

    from giftcard_server.edge.events import EventServicer
    from giftcard_server.edge.grpc_server import Servicers
    from giftcard_server.parts import Parts
    from giftcard_server.settings import Settings


# More cards of one address are a shop's test address, whose others are found by other names.
CARDS_OF_A_PERSON: Final = 1000


def person_acts_of(settings: Settings, parts: Parts) -> PersonActReader:
    """Return what reads requests about the data of people."""
    return PersonActReader(parts.ring, frozenset(settings.four_eyes.acts))


def privacy_of(settings: Settings, parts: Parts, opened: ExitStack) -> PrivacyServicer | None:
    """Return what serves the rights of people, on a connection of its own, likewise."""
    if not settings.serves_confidants:
        return None
    connection = database.connect(settings.database_url)
    opened.callback(database.close, connection)
    return PrivacyServicer(
        PrivacyParts(
            reader=person_acts_of(settings, parts),
            desk=PrivacyDesk(database=connection, ring=parts.ring, now=parts.now),
            questions=DeskReader(),
            committer=parts.committer,
            metrics=parts.metrics,
            caller_of=parts.caller_of,
            undecided=parts.servicer.undecided,
        )
    )


def with_confidants(parts: Parts, events: EventServicer | None, opened: ExitStack) -> Servicers:
    """Return what answers the RPCs of each service, of those that see people where they may be."""
    settings = parts.settings
    return parts.servicers._replace(
        events=events,
        support=support_of(settings, parts, opened),
        privacy=privacy_of(settings, parts, opened),
    )


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
        card_ids_of_email=partial(
            card_ids_of_email, connection, parts.ring, limit=CARDS_OF_A_PERSON
        ),
    )
    return SupportServicer(
        SupportParts(
            reader=reader,
            desk=desk,
            questions=DeskReader(),
            committer=parts.committer,
            attempts=parts.attempts,
            proposable={**acts_on_cards(reader), **acts_on_people(person_acts_of(settings, parts))},
            metrics=parts.metrics,
            now=parts.now,
            caller_of=parts.caller_of,
            undecided=parts.servicer.undecided,
        )
    )
