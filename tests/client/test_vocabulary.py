"""The enums of the client have all words of the contract, and no other."""

from enum import StrEnum

import pytest
from google.protobuf.descriptor import EnumDescriptor

import giftcard_client
from giftcard.v1 import gift_card_pb2, gift_card_service_pb2, reason_pb2, support_service_pb2
from giftcard_client import (
    AuthorizationState,
    CardOrigin,
    CardState,
    PaymentMethod,
    Reason,
    ReverseOutcome,
    ReverseReason,
)
from giftcard_client.decline_messages import DECLINE_MESSAGES
from giftcard_client.tender import RefundReason
from giftcard_client.vocabulary import (
    Ground,
    PersonRole,
    PersonState,
    ProposalState,
    TimelineKind,
)
from giftcard_client.wire_answers import read_word

WORDS = [
    (Reason, reason_pb2.Reason.DESCRIPTOR, "REASON_", {"UNRECOGNIZED"}),
    (CardState, gift_card_pb2.CardState.DESCRIPTOR, "CARD_STATE_", {"UNRECOGNIZED"}),
    (CardOrigin, gift_card_pb2.CardOrigin.DESCRIPTOR, "CARD_ORIGIN_", {"UNRECOGNIZED"}),
    (
        AuthorizationState,
        gift_card_pb2.AuthorizationState.DESCRIPTOR,
        "AUTHORIZATION_STATE_",
        {"UNRECOGNIZED"},
    ),
    (
        PaymentMethod,
        gift_card_service_pb2.PaymentMethod.DESCRIPTOR,
        "PAYMENT_METHOD_",
        {"UNRECOGNIZED"},
    ),
    (ReverseReason, gift_card_service_pb2.ReverseReason.DESCRIPTOR, "REVERSE_REASON_", set()),
    (
        ReverseOutcome,
        gift_card_service_pb2.ReverseOutcome.DESCRIPTOR,
        "REVERSE_OUTCOME_",
        {"UNRECOGNIZED"},
    ),
    (Ground, support_service_pb2.Ground.DESCRIPTOR, "GROUND_", {"UNRECOGNIZED"}),
    (PersonRole, support_service_pb2.PersonRole.DESCRIPTOR, "PERSON_ROLE_", {"UNRECOGNIZED"}),
    (PersonState, support_service_pb2.PersonState.DESCRIPTOR, "PERSON_STATE_", {"UNRECOGNIZED"}),
    (
        ProposalState,
        support_service_pb2.ProposalState.DESCRIPTOR,
        "PROPOSAL_STATE_",
        {"UNRECOGNIZED"},
    ),
    (
        TimelineKind,
        support_service_pb2.TimelineKind.DESCRIPTOR,
        "TIMELINE_KIND_",
        {"UNRECOGNIZED"},
    ),
]
ANSWERED = [row[:3] for row in WORDS if row[3]]


@pytest.mark.parametrize(("words", "contract", "prefix", "more"), WORDS)
def test_the_words_are_the_contract_s(
    words: type[StrEnum], contract: EnumDescriptor, prefix: str, more: set[str]
) -> None:
    contracted = {name.removeprefix(prefix) for name in contract.values_by_name}
    assert {word.value for word in words} == contracted - {"UNSPECIFIED"} | more
    assert [word.name for word in words] == [word.value for word in words]


@pytest.mark.parametrize(("words", "contract", "prefix"), ANSWERED)
def test_every_number_of_the_contract_is_read(
    words: type[StrEnum], contract: EnumDescriptor, prefix: str
) -> None:
    for name, value in contract.values_by_name.items():
        expected = "UNRECOGNIZED" if value.number == 0 else name.removeprefix(prefix)
        assert read_word(words, value.number, contract) == expected


@pytest.mark.parametrize(("words", "contract", "prefix"), ANSWERED)
def test_a_newer_server_s_word_is_unrecognized(
    words: type[StrEnum], contract: EnumDescriptor, prefix: str
) -> None:
    assert read_word(words, 9999, contract) == "UNRECOGNIZED"


def test_every_reason_has_a_sentence_for_shoppers() -> None:
    assert set(DECLINE_MESSAGES) == set(Reason)


def test_every_reason_to_refund_is_one_to_reverse() -> None:
    assert {ReverseReason(reason) for reason in RefundReason} | {ReverseReason.TECHNICAL} == set(
        ReverseReason
    )


def test_every_public_name_exists() -> None:
    assert [name for name in giftcard_client.__all__ if not hasattr(giftcard_client, name)] == []
