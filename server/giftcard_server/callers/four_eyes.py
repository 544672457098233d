"""The settings of four eyes: the acts that another actor has to approve."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

# The names of the RPCs; of ResendCard, those to a corrected address, and the first one to an
# address that RectifyPerson has changed.
ProposedAct = Literal[
    "BlockCard", "UnblockCard", "WriteOffCard", "ResendCard", "RectifyPerson", "ErasePerson"
]


class FourEyes(BaseModel):
    """The acts that only propose, and are carried out once another actor approves them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    acts: tuple[ProposedAct, ...] = ("ResendCard", "UnblockCard", "WriteOffCard", "ErasePerson")
    """The acts that another actor has to approve; an empty list: none. `ResendCard` means those to
    a corrected address."""
