"""Who acts at a desk, on which ground and why: three options of a command, said once."""

from typing import Annotated

from giftcard_client import Ground as PrivacyGround
from giftcard_client.cli import options as opt
from giftcard_client.cli.remote_command import Made
from giftcard_client.privacy import ActingAs
from giftcard_client.support_results import ActedBy
from giftcard_client.vocabulary import Ground


def _acted(actor: opt.Actor, ground: opt.GroundOption, note: opt.Note = "") -> ActedBy:
    return ActedBy(actor, Ground(ground), note)


def _asked(
    actor: opt.Actor, ground: opt.GroundOption = "CUSTOMER_REQUEST", note: opt.Note = ""
) -> ActedBy:
    return ActedBy(actor, Ground(ground), note)


def _charged_back(
    actor: opt.Actor, ground: opt.GroundOption = "CHARGEBACK", note: opt.Note = ""
) -> ActedBy:
    return ActedBy(actor, Ground(ground), note)


def _anybody(
    actor: opt.Actor = "", ground: opt.GroundOption = "CUSTOMER_REQUEST", note: opt.Note = ""
) -> ActedBy:
    return ActedBy(actor, Ground(ground), note)


def _acting(
    actor: opt.Actor, ground: opt.GroundOption = "CUSTOMER_REQUEST", note: opt.Note = ""
) -> ActingAs:
    return ActingAs(actor=actor, ground=PrivacyGround(ground), note=note)


# The ground has to be said, or is what a customer asks for, or a bank.
By = Annotated[ActedBy, Made(_acted)]
ByRequest = Annotated[ActedBy, Made(_asked)]
ByChargeback = Annotated[ActedBy, Made(_charged_back)]
# Where only some of what the command does needs somebody.
ByAnybody = Annotated[ActedBy, Made(_anybody)]
# The same for people who look after personal data.
Acting = Annotated[ActingAs, Made(_acting)]
