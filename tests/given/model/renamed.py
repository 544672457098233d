"""A request as its caller sends it again under another name."""

from dataclasses import replace

from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    RejectProposal,
)
from giftcard_rules.authorization_calls import ExtendAuthorization
from giftcard_rules.codes import derive_authorization_id
from giftcard_rules.commands import Authorize, Cancel, Capture, Issue, Keyed, Reverse
from giftcard_rules.person_acts import ActOnPeople
from giftcard_rules.refund_commands import ConfirmRefund
from given.desk_calls import act_id_of
from given.made_facts import KEY, made_by
from given.model.plain_books import FORMERLY


def renamed(sent: Keyed, caller: str) -> Keyed:
    """Return a request as its caller sends it under the name that follows its own."""
    if sent.key.caller not in FORMERLY.get(caller, ()):
        return sent
    key = sent.key._replace(caller=caller)
    match sent:
        case Authorize():
            made = derive_authorization_id(KEY, caller, key.request_id)
            return replace(sent, key=key, authorization_id=made)
        case Reverse():
            return replace(sent, key=key, new_card=made_by(key), formerly=FORMERLY[caller])
        case Cancel() | ExtendAuthorization() | ConfirmRefund():
            return replace(sent, key=key)
        case ActOnPeople() | ActOnCard() | CancelPurchase() | ApproveProposal() | RejectProposal():
            return replace(sent, key=key, act_id=act_id_of(key))
        case Issue() | Capture():
            return replace(sent, key=key, new_card=made_by(key))
