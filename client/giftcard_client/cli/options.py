"""The options of the commands of `giftcard`, as one table."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer
from typer.models import OptionInfo

from giftcard_client import Money, OrderLine, ReverseReason
from giftcard_client.cli.option_values import option_amount, option_order_line


class Output(StrEnum):
    """How an answer is shown."""

    TABLE = "table"
    JSON = "json"


# The groups of options in a command's help.
CARD = "Card"
ORDER = "Order"
PEOPLE = "People"
CONNECTION = "Connection"


def _option(group: str, *names: str, help_text: str, **settings: Any) -> OptionInfo:  # noqa: ANN401 - typer's
    # Without a default in the help, which would repeat "Absent: ...", or say "".
    shown: dict[str, Any] = {"show_default": False, "rich_help_panel": group} | settings
    option: OptionInfo = typer.Option(*names, help=help_text, **shown)
    return option


def _amount(group: str, help_text: str, *names: str) -> OptionInfo:
    return _option(
        group,
        *names,
        parser=option_amount,
        metavar="AMOUNT",
        help_text=f"{help_text} Like 12.34 or '12.34 EUR'.",
    )


def _day(group: str, help_text: str) -> OptionInfo:
    return _option(group, formats=["%Y-%m-%d"], metavar="DAY", help_text=help_text)


def _pem_file(name: str, help_text: str) -> OptionInfo:
    return _option(
        CONNECTION, name, exists=True, dir_okay=False, metavar="FILE", help_text=help_text
    )


# Options of every command.
Target = Annotated[
    str,
    _option(
        CONNECTION,
        envvar="GIFTCARD_TARGET",
        metavar="HOST:PORT",
        show_default=True,
        help_text="Where the server listens.",
    ),
]
OutputFormat = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people, or JSON for programs.")
]
TimeoutSeconds = Annotated[
    float,
    _option(
        CONNECTION,
        min=0.001,
        metavar="SECONDS",
        show_default=True,
        help_text="The deadline for all tries together.",
    ),
]
AuthorityFile = Annotated[
    Path | None, _pem_file("--ca", "Use TLS, and trust the authorities in this PEM file.")
]
CertificateFile = Annotated[
    Path | None, _pem_file("--cert", "Our own certificate (PEM), for mutual TLS.")
]
KeyFile = Annotated[Path | None, _pem_file("--key", "The private key (PEM) of --cert.")]
RequestId = Annotated[
    UUID | None,
    typer.Option(
        metavar="UUID",
        show_default=False,
        help="Of an earlier try, to send the same request again. Absent: a new one.",
    ),
]
ShowCode = Annotated[bool, typer.Option("--show-code", help="Show the code of a new card too.")]
Actor = Annotated[
    str,
    typer.Option(
        envvar="GIFTCARD_ACTOR", metavar="NAME", help="Who sits at the desk; kept in the timeline."
    ),
]
GroundOption = Annotated[
    # All but UNRECOGNIZED, which is for answers alone.
    Literal["CUSTOMER_REQUEST", "FRAUD", "CHARGEBACK", "MISTAKE", "LEGAL", "OTHER"],
    typer.Option(
        "--ground",
        case_sensitive=False,
        metavar="GROUND",
        help="CUSTOMER_REQUEST, FRAUD, CHARGEBACK, MISTAKE, LEGAL or OTHER; kept.",
    ),
]
Note = Annotated[
    str, typer.Option(metavar="TEXT", help="Why in words, without any code; kept, sealed.")
]

# An order and its payment.
Market = Annotated[str, _option(CARD, help_text="The platform, such as fr.", metavar="NAME")]
OrderId = Annotated[str, _option(ORDER, help_text="The platform's order number.", metavar="ID")]
ValidatedOrderId = Annotated[
    str | None,
    _option(
        ORDER,
        "--order-id",
        metavar="ID",
        help_text="The platform's order number. Absent: show what is on the card.",
    ),
]
OrderTotal = Annotated[
    Money | None, _amount(ORDER, "The total of the order. Absent: the sum of its lines.", "--total")
]
OrderLines = Annotated[
    list[OrderLine] | None,
    _option(
        ORDER,
        "--line",
        parser=option_order_line,
        metavar="CATEGORY=AMOUNT",
        help_text="A line of the order; may be repeated. Absent: the total as one line of goods.",
    ),
]
Discounts = Annotated[
    list[str] | None,
    _option(ORDER, "--discount", metavar="CODE", help_text="A discount code; may be repeated."),
]
AttemptKey = Annotated[
    str,
    _option(
        CARD,
        metavar="SESSION",
        help_text="The shopper's session, whose wrong codes are counted together.",
    ),
]
HoldSeconds = Annotated[
    int | None,
    _option(ORDER, metavar="SECONDS", help_text="How long to hold. Absent: the market's default."),
]
ExtendSeconds = Annotated[
    int,
    _option(ORDER, "--hold-seconds", metavar="SECONDS", help_text="How long to hold, from now on."),
]

# A refund that the payment provider owes.
CancelledCardId = Annotated[
    str | None,
    _option(CARD, "--card-id", metavar="ID", help_text="The card whose purchase was cancelled."),
]
RefundedAuthorizationId = Annotated[
    str | None,
    _option(
        ORDER,
        "--authorization-id",
        metavar="ID",
        help_text="The authorization whose order went back to another tender.",
    ),
]
ConfirmedAmount = Annotated[
    Money, _amount(ORDER, "What the payment provider has paid.", "--amount")
]
ProviderReference = Annotated[
    str,
    _option(ORDER, metavar="TEXT", help_text="The payment provider's own reference of the refund."),
]

# A purchase.
CardAmount = Annotated[Money, _amount(CARD, "The value of the card.", "--amount")]
PaidBy = Annotated[
    # All but UNRECOGNIZED, which is for answers alone.
    Literal["BANK_CARD", "PAY_LATER", "GIFT_CARD", "OTHER"],
    _option(
        ORDER,
        "--payment-method",
        case_sensitive=False,
        metavar="METHOD",
        help_text="BANK_CARD (unless you say so), PAY_LATER, GIFT_CARD or OTHER.",
    ),
]
PaymentReference = Annotated[
    str, _option(ORDER, metavar="TEXT", help_text="The payment provider's reference.")
]
Design = Annotated[
    str, _option(CARD, metavar="NAME", help_text="One of the market's designs. Absent: its first.")
]
Message = Annotated[
    str, _option(CARD, metavar="TEXT", help_text="A personal message to go with the card.")
]

# A capture and a refund.
CapturedAmount = Annotated[
    Money | None, _amount(ORDER, "How much to take. Absent: all that was set aside.", "--amount")
]
RefundAmount = Annotated[
    Money | None, _amount(ORDER, "How much of the whole order. Absent: all that is left.")
]
AuthorizationId = Annotated[
    str, typer.Argument(metavar="AUTHORIZATION_ID", help="The id that authorize returned.")
]
ReversedAuthorizationId = Annotated[
    str | None,
    typer.Argument(
        metavar="[AUTHORIZATION_ID]",
        show_default=False,
        help="The id that authorize returned; or give --authorize-request-id.",
    ),
]
AuthorizeRequestId = Annotated[
    UUID | None,
    _option(ORDER, metavar="UUID", help_text="The request id of an authorize that got no answer."),
]
WhyReversed = Annotated[
    ReverseReason,
    _option(
        ORDER,
        "--reason",
        case_sensitive=False,
        metavar="REASON",
        help_text=f"{', '.join(ReverseReason)}.",
    ),
]
DeliverOn = Annotated[
    datetime | None,
    _day(PEOPLE, "The day on whose morning the card is mailed, in the market. Absent: at once."),
]
DeliveredOn = Annotated[
    datetime | None, _day(ORDER, "The day of delivery, for a change of mind: 2026-11-20.")
]
BeforeDelivery = Annotated[
    bool,
    _option(ORDER, "--before-delivery", help_text="For a change of mind before the delivery."),
]
ExercisedOn = Annotated[datetime | None, _day(ORDER, "The day of the declaration. Absent: today.")]
OtherTenderAmount = Annotated[
    Money | None,
    _amount(ORDER, "How much the other tenders took. Absent: all that remained due."),
]

# People.
PurchaserEmail = Annotated[
    str, _option(PEOPLE, metavar="ADDRESS", help_text="The buyer of the card.")
]
RecipientEmail = Annotated[
    str | None,
    _option(
        PEOPLE, metavar="ADDRESS", help_text="The receiver of the card. Absent: the purchaser."
    ),
]
CustomerEmail = Annotated[
    str,
    _option(
        PEOPLE, metavar="ADDRESS", help_text="The receiver of the new card, if money comes back."
    ),
]
BeneficiaryEmail = Annotated[
    str | None,
    _option(
        PEOPLE,
        metavar="ADDRESS",
        help_text="The receiver of the new card. Absent: the customer of the order.",
    ),
]
Name = Annotated[str, _option(PEOPLE, metavar="NAME", help_text="The person's name.")]
Locale = Annotated[
    str, _option(PEOPLE, metavar="TAG", help_text="Such as fr-FR. Absent: the market's.")
]
