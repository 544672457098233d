"""docs/sandbox.md: its table of codes is the server's, and has all that a code can show."""

from giftcard_rules.codes import parse
from giftcard_rules.reasons import Reason
from giftcard_server.edge.sandbox.sandbox_codes import BY_CODE, REASONS, table
from given.house import ROOT

# They are about authorizations, purchases, amounts and desks, which no code names.
NOT_OF_CODES = {
    *(reason for reason in Reason if reason.name.startswith(("AUTHORIZATION_", "PURCHASE_"))),
    *(reason for reason in Reason if reason.name.startswith(("AMOUNT_", "PROPOSAL_", "PERSON_"))),
    Reason.PAYMENT_METHOD_NOT_ACCEPTED,
    Reason.ISSUE_CEILING_REACHED,
    Reason.RETURN_WINDOW_CLOSED,
    Reason.CARD_NOT_BLOCKED,
    Reason.RESEND_LIMIT,
    Reason.SAME_ACTOR,
    Reason.REFUND_NOT_DUE,
}


def test_the_page_has_the_table() -> None:
    assert table() in (ROOT / "docs" / "sandbox.md").read_text("utf-8")


def test_there_is_a_code_for_each_reason_that_a_code_can_show() -> None:
    assert set(REASONS.values()) == set(Reason) - NOT_OF_CODES


def test_every_code_is_one_by_its_check_character() -> None:
    assert [code for code in BY_CODE if parse(code) is None] == []
