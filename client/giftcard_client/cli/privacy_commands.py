"""The commands `giftcard privacy`: the rights of people over their data (R32)."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from giftcard_client import Contact, PeopleChanged, PersonErased, PersonRole, Privacy, Who
from giftcard_client.cli import options as opt
from giftcard_client.cli.acting import Acting
from giftcard_client.cli.remote_command import Made, remote_command

Email = Annotated[str, typer.Option("--email", help="Everybody with this address.")]
CardId = Annotated[str, typer.Option("--card-id", help="The people of this card.")]
Role = Annotated[
    PersonRole | None, typer.Option("--role", case_sensitive=False, help="Of the card, those only.")
]
Authorization = Annotated[
    str, typer.Option("--authorization-id", help="Of the card's customers, this one only.")
]
NewEmail = Annotated[str, typer.Option("--new-email", help="The right address.")]
NewName = Annotated[str, typer.Option("--new-name", help="The right name.")]
NewLocale = Annotated[str, typer.Option("--new-locale", help="Such as fr-FR.")]
Lift = Annotated[bool, typer.Option("--lift", help="Lift the restriction instead.")]


def _who(
    email: Email = "",
    card_id: CardId = "",
    role: Role = None,
    authorization_id: Authorization = "",
) -> Who:
    if bool(email) == bool(card_id):
        message = "name people by either --email or --card-id"
        raise typer.BadParameter(message)
    return Who(email=email, card_id=card_id, role=role, authorization_id=authorization_id)


Whose = Annotated[Who, Made(_who)]


@dataclass(frozen=True, slots=True)
class Exported:
    """An export, as the answer of a command."""

    schema_version: str
    export: dict[str, Any] = field(repr=False)


def export(
    privacy: Privacy,
    *,
    who: Whose,
    acting: Acting,
) -> Exported:
    """Export all that is known of people, by docs/privacy-export.schema.json; use --output json."""
    found = privacy.export(who, acting)
    return Exported(found.schema_version, found.document)


def rectify(
    privacy: Privacy,
    *,
    who: Whose,
    new_email: NewEmail,
    new_name: NewName = "",
    new_locale: NewLocale = "",
    acting: Acting,
    request_id: opt.RequestId = None,
) -> PeopleChanged:
    """Give people the whole new contact: what is left out is empty afterwards."""
    return privacy.rectify(
        who,
        Contact(email=new_email, name=new_name, locale=new_locale),
        acting,
        request_id=request_id,
    )


def restrict(
    privacy: Privacy,
    *,
    who: Whose,
    lift: Lift = False,
    acting: Acting,
    request_id: opt.RequestId = None,
) -> PeopleChanged:
    """Keep people's data and use it no more, or use it again."""
    act = privacy.lift if lift else privacy.restrict
    return act(who, acting, request_id=request_id)


def erase(
    privacy: Privacy,
    *,
    who: Whose,
    acting: Acting,
    request_id: opt.RequestId = None,
) -> PersonErased:
    """Erase people for good, or propose to. Their cards stay as they are."""
    return privacy.erase(who, acting, request_id=request_id)


def privacy_commands() -> typer.Typer:
    """Return the commands as one group."""
    group = typer.Typer(
        name="privacy",
        help="The rights of people over their data.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
    for command in (export, rectify, restrict, erase):
        group.command()(remote_command(command))
    return group
