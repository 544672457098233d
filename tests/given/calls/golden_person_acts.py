"""Requests about the data of people, with what they mean, written for good."""

from collections.abc import Callable
from typing import Any, Final

from giftcard.v1 import privacy_service_pb2 as pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard.v1.order_pb2 import Contact
from giftcard_rules.commands import Keyed
from giftcard_server.edge.canonical import Read
from giftcard_server.edge.privacy.requests import PersonActReader
from given.made_facts import RING

ID: Final = "ABCDEF00-0000-4000-8000-000000000001"
READER: Final = PersonActReader(RING, ())
ACTING: Final[dict[str, Any]] = {
    "actor": " Anna",
    "ground": support_pb.GROUND_LEGAL,
    "note": "a note",
}


def rectify(message: pb.RectifyPersonRequest) -> Read[Keyed]:
    return READER.rectify(message, "desk")


def erase(message: pb.ErasePersonRequest) -> Read[Keyed]:
    return READER.erase(message, "desk")


GOLDEN_PERSON_ACTS: Final[tuple[tuple[Callable[[Any], Read[Keyed]], Any, str], ...]] = (
    (
        rectify,
        pb.RectifyPersonRequest(
            request_id=ID,
            card_id="ABC1",
            role=support_pb.PERSON_ROLE_CUSTOMER,
            authorization_id="DEF2",
            contact=Contact(name="Chlo\u00e9", email="chloe@example.com", locale="fr-FR"),
            **ACTING,
        ),
        (
            '{"actor":"anna","authorization_id":"def2","card_id":"abc1","contact":{"email":"chl'
            'oe@example.com","locale":"fr-FR","name":"Chlo\\u00e9"},"ground":"LEGAL","note":"a n'
            'ote","request_id":"abcdef00-0000-4000-8000-000000000001","role":"CUSTOMER"}'
        ),
    ),
    (
        erase,
        pb.ErasePersonRequest(request_id=ID, email=" Chloe@B\u00fccher.example", **ACTING),
        (
            '{"actor":"anna","email":"chloe@xn--bcher-kva.example","ground":"LEGAL","note":"a n'
            'ote","request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
)
