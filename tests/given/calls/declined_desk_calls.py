"""Requests of Customer Service that the rules decline; each makes its own situation."""

from datetime import timedelta
from typing import Any

from giftcard.v1 import support_service_pb2 as pb
from given.calls import sent
from given.calls.declined_calls import World
from given.calls.desk import ANNA, BEN, approval, by


def _proposed(world: World) -> str:
    card_id = world.bought().card.card_id
    world.block(card_id)
    proposed = world.call(
        pb.UnblockCardRequest(request_id=sent.new_id(), card_id=card_id, **by(ANNA))
    )
    proposal_id: str = proposed.proposal_id
    return proposal_id


def writing_off_what_is_not_blocked(world: World) -> Any:
    card_id = world.bought().card.card_id
    return pb.WriteOffCardRequest(request_id=sent.new_id(), card_id=card_id, **by(ANNA))


def approving_an_unknown_proposal(_world: World) -> Any:
    return approval("no proposal")


def approving_twice(world: World) -> Any:
    proposal_id = _proposed(world)
    world.call(approval(proposal_id))
    return approval(proposal_id)


def approving_after_a_day(world: World) -> Any:
    proposal_id = _proposed(world)
    world.clock.wait(timedelta(days=1))
    return approval(proposal_id, BEN)


def approving_ones_own(world: World) -> Any:
    return approval(_proposed(world), ANNA)
