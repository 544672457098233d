"""Timelines, proposals, messages and written-off value at rest, held against the plain model."""

from collections import Counter

from giftcard_storage.acts.tables import Act, Proposal
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.schema import Posting
from given.databases.books_on_disk import BooksOnDisk
from given.model.plain_desk import PlainDesk

# The kinds of entries that acts leave, by their RPCs.
KINDS = {
    "BlockCard": "CARD_BLOCKED",
    "UnblockCard": "CARD_UNBLOCKED",
    "WriteOffCard": "CARD_WRITTEN_OFF",
    "ResendCard": "CARD_RESENT",
    "RectifyPerson": "PERSON_RECTIFIED",
    "RestrictPerson": "PERSON_RESTRICTED",
    "LiftRestriction": "RESTRICTION_LIFTED",
    "ErasePerson": "PERSON_ERASED",
}


def require_the_desk_as_in_the_model(books: BooksOnDisk, model: PlainDesk) -> None:
    """Hold entries and proposals against the model's; nothing written off becomes breakage."""
    kinds: dict[str, Counter[str]] = {}
    for row in books.rows(Act):
        kinds.setdefault(row["card_id"], Counter())[row["kind"]] += 1
    assert kinds == {
        card_id: Counter(KINDS.get(what, what) for what in entries)
        for card_id, entries in model.entries.items()
    }
    states = {row["proposal_id"]: row["state"] for row in books.rows(Proposal)}
    assert states == {id_: each["state"] for id_, each in model.proposals.items()}
    messages = {
        (row["card_id"], row["kind"], row["resend_number"]): (row["state"], row["reason"])
        for row in books.rows(Delivery)
    }
    assert messages == {
        (each["card_id"], each["kind"], each["number"]): (each["state"], each["why"])
        for each in model.deliveries
    }
    written_off = set[str]()
    for row in books.rows(Posting):  # In the order of each card's versions.
        if row["kind"] == "CHARGE_BACK":
            written_off.add(row["card_id"])
        assert not (row["card_id"] in written_off and row["destination"] == "BREAKAGE")
