"""docs/integrator.md has every reason, with the words that the client has for shoppers."""

import re
from typing import Final

from giftcard_client import Reason
from giftcard_client.decline_messages import DECLINE_MESSAGES, DECLINE_MESSAGES_IN_FRENCH
from given.house import ROOT

PAGE: Final = (ROOT / "docs" / "integrator.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
KNOWN: Final = [reason for reason in Reason if reason is not Reason.UNRECOGNIZED]


def test_every_reason_has_words_in_english_and_in_french() -> None:
    assert set(DECLINE_MESSAGES) == set(DECLINE_MESSAGES_IN_FRENCH) == set(Reason)
    assert len(set(DECLINE_MESSAGES_IN_FRENCH.values())) == len(Reason)


def test_the_page_has_them_all_in_order_of_precedence() -> None:
    shown = [(name, english, french) for name, _, english, french in ROW.findall(PAGE)]
    assert shown == [
        (reason.value, DECLINE_MESSAGES[reason], DECLINE_MESSAGES_IN_FRENCH[reason])
        for reason in KNOWN
    ]
