"""Who is found, who opens and what is mailed, from real books, held against the plain model."""

from collections.abc import Collection
from email import message_from_bytes
from email.policy import SMTPUTF8
from pathlib import Path
from threading import Event

from prometheus_client import CollectorRegistry

from giftcard_rules.deliveries import DeliveryKind
from giftcard_rules.person_acts import Slot
from giftcard_server.edge.support.opening import addressee_of
from giftcard_server.mail.addresses import mailbox
from giftcard_server.mail.dispatch import Dispatch, Post
from giftcard_server.mail.folder import FolderTransport
from giftcard_server.mail.letter import Shop
from giftcard_server.mail.metrics import MailMetrics
from giftcard_server.mail.rendering import Renderer
from giftcard_server.mail.worker import MailWorker
from giftcard_storage.deliveries import delivery_id_of
from giftcard_storage.deliveries.claims import Outbox
from giftcard_storage.deliveries.sending import SendingFacts
from giftcard_storage.people import ActingFor, Lost, people_of
from giftcard_storage.people_search import card_ids_of_email
from given.databases.books_on_disk import BooksOnDisk
from given.made_facts import MARKETS
from given.model.named_people import EMAILS
from given.model.plain_people import PlainPeople
from given.model.plain_terms import pass_time

SENDER = mailbox("Shop", "cards@shop.example")
RENDERER = Renderer()
_LOST = {"FORGOTTEN": "ERASED", "RING_LACKS_KEY": "OUT_OF_REACH", "RESTRICTED": "RESTRICTED"}
_REASON = {"PERSON_ERASED": "ERASED", "PERSON_RESTRICTED": "RESTRICTED"}


def require_people_as_in_the_model(
    books: BooksOnDisk, model: PlainPeople, card_ids: Collection[str]
) -> None:
    """Look for all addresses, open the people of cards, and ask whom their messages reach."""
    for email in EMAILS:
        found = card_ids_of_email(books.beside, books.ring, email)
        assert found == sorted({slot.card_id for slot in model.with_address(email)})
    opened = {}
    for card_id in card_ids:
        for each in people_of(books.beside, books.ring, card_id, ActingFor.SUPPORT):
            slot = Slot(card_id, each.role, each.authorization_id or "")
            opened[slot] = _LOST[each.why.value] if isinstance(each, Lost) else each.contact
        reached = addressee_of(books.beside, books.ring, card_id)
        wanted, state = model.addressee(card_id)
        if isinstance(reached, Slot):
            assert (reached, state in {"KEPT", "OUT_OF_REACH"}) == (wanted, True)
        else:
            assert reached is not None
            assert _REASON[reached.value] == state
    assert opened == {
        slot: each["contact"] if model.state_of(slot) == "KEPT" else model.state_of(slot)
        for slot, each in model.people.items()
        if slot.card_id in card_ids
    }


def require_mail_as_in_the_model(books: BooksOnDisk, model: PlainPeople, folder: Path) -> None:
    """Send what is due, and hold each message and its address against the model."""
    pass_time(model.cards, model.holds, books.now)
    wanted = {
        delivery_id_of(each["card_id"], DeliveryKind(each["kind"]), each["number"]): (
            each["own"] or model.people[each["to"]]["contact"].email
        )
        for each in model.the_post_goes_out(books.now)
    }
    _worker(books, folder).deliver()
    assert _arrived(folder) == wanted


def _arrived(folder: Path) -> dict[str, str]:
    """Return the addresses of the messages in a folder, by their deliveries, and empty it."""
    arrived = {}
    for path in folder.glob("*.eml"):
        message = message_from_bytes(path.read_bytes(), policy=SMTPUTF8)
        delivery_id = message["Message-ID"].strip("<").partition("@")[0]
        (address,) = message["To"].addresses
        assert delivery_id not in arrived
        arrived[delivery_id] = address.addr_spec
        path.unlink()
    return arrived


def _worker(books: BooksOnDisk, folder: Path) -> MailWorker:
    transport = FolderTransport(folder)
    shop = Shop(name="Shop", privacy_contact="privacy@shop.example")
    posts = {
        name: Post(market=market, shop=shop, sender=SENDER, transport=transport)
        for name, market in MARKETS.items()
    }
    sending = SendingFacts(books.connection, books.ring)
    dispatch = Dispatch(sending, books.ring, posts, lambda: RENDERER, lambda: 0.5)
    return MailWorker(
        Outbox(books.connection),
        dispatch,
        lambda: books.now,
        lambda: True,
        Event(),
        MailMetrics(CollectorRegistry()),
        1.0,
    )
