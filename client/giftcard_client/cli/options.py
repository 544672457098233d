"""The options of the commands of `giftcard`, as one table."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer
from typer.models import OptionInfo

from giftcard_client import Money, OrderLine, ReverseReason
from giftcard_client.cli.option_values import option_amount, option_order_line


class Output(StrEnum):
    """How an answer is shown."""

    TABLE = "table"
    JSON = "json"


def _amount(help_text: str, *names: str) -> OptionInfo:
    option: OptionInfo = typer.Option(
        *names,
        parser=option_amount,
        metavar="AMOUNT",
        help=f"{help_text} Like 12.34 or '12.34 EUR'.",
    )
    return option


def _pem_file(name: str, help_text: str) -> OptionInfo:
    option: OptionInfo = typer.Option(name, exists=True, dir_okay=False, help=help_text)
    return option


# Options of every command.
Target = Annotated[
    str, typer.Option(envvar="GIFTCARD_TARGET", help="Where the server listens: host:port.")
]
OutputFormat = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people, or JSON for programs.")
]
TimeoutSeconds = Annotated[
    float, typer.Option(min=0.001, help="The deadline in seconds for all tries together.")
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
        help="The request id of an earlier try, to send the same request again. Absent: a new one."
    ),
]
ShowCode = Annotated[bool, typer.Option("--show-code", help="Show the code of a new card too.")]

# An order and its payment.
Market = Annotated[str, typer.Option(help="The platform, such as fr.")]
OrderId = Annotated[str, typer.Option(help="The platform's order number.")]
ValidatedOrderId = Annotated[
    str | None,
    typer.Option(
        "--order-id", help="The platform's order number. Absent: show what is on the card."
    ),
]
OrderTotal = Annotated[
    Money | None, _amount("The total of the order. Absent: the sum of its lines.", "--total")
]
OrderLines = Annotated[
    list[OrderLine] | None,
    typer.Option(
        "--line",
        parser=option_order_line,
        metavar="CATEGORY=AMOUNT",
        help="A line of the order; may be repeated. Absent: the total as one line of goods.",
    ),
]
Discounts = Annotated[
    list[str] | None,
    typer.Option("--discount", metavar="TEXT", help="A discount code; may be repeated."),
]
AttemptKey = Annotated[
    str, typer.Option(help="The shopper's session, whose wrong codes are counted together.")
]
HoldSeconds = Annotated[
    int | None, typer.Option(help="How long to hold the money. Absent: the market's default.")
]
ExtendSeconds = Annotated[
    int, typer.Option("--hold-seconds", help="How long to hold, from now on.")
]

# A refund that the payment provider owes.
CancelledCardId = Annotated[
    str | None, typer.Option("--card-id", help="The card whose purchase was cancelled.")
]
RefundedAuthorizationId = Annotated[
    str | None,
    typer.Option(
        "--authorization-id", help="The authorization whose order went back to another tender."
    ),
]
ConfirmedAmount = Annotated[Money, _amount("What the payment provider has paid.", "--amount")]
ProviderReference = Annotated[
    str, typer.Option(help="The payment provider's own reference of the refund.")
]

# A purchase.
CardAmount = Annotated[Money, _amount("The value of the card.", "--amount")]
PaidBy = Annotated[
    # All but UNRECOGNIZED, which is for answers alone.
    Literal["BANK_CARD", "PAY_LATER", "GIFT_CARD", "OTHER"],
    typer.Option("--payment-method", case_sensitive=False),
]
PaymentReference = Annotated[str, typer.Option(help="The payment provider's reference.")]
Design = Annotated[str, typer.Option(help="One of the market's designs. Absent: its first.")]
Message = Annotated[str, typer.Option(help="A personal message to go with the card.")]

# A capture and a refund.
CapturedAmount = Annotated[
    Money | None, _amount("How much to take. Absent: all that was set aside.", "--amount")
]
RefundAmount = Annotated[
    Money | None, _amount("How much of the whole order to refund. Absent: all that is left.")
]
AuthorizationId = Annotated[str, typer.Argument(help="The id that authorize returned.")]
ReversedAuthorizationId = Annotated[
    str | None,
    typer.Argument(help="The id that authorize returned; or give --authorize-request-id."),
]
AuthorizeRequestId = Annotated[
    UUID | None, typer.Option(help="The request id of an authorize whose answer was lost.")
]
WhyReversed = Annotated[ReverseReason, typer.Option("--reason", case_sensitive=False)]
DeliverOn = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="The day on whose morning the card is mailed, in the market. [at once]",
    ),
]
DeliveredOn = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The day of delivery, for a change of mind."),
]

BeforeDelivery = Annotated[
    bool, typer.Option("--before-delivery", help="For a change of mind before the delivery.")
]
ExercisedOn = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The day of the declaration. Absent: today."),
]
OtherTenderAmount = Annotated[
    Money | None,
    _amount("How much the other tenders took. Absent: all that remained due."),
]

# People.
PurchaserEmail = Annotated[str, typer.Option(help="The buyer of the card.")]
RecipientEmail = Annotated[
    str | None, typer.Option(help="The receiver of the card. Absent: the purchaser.")
]
CustomerEmail = Annotated[
    str, typer.Option(help="The receiver of the new card, if money comes back.")
]
BeneficiaryEmail = Annotated[
    str | None,
    typer.Option(help="The receiver of the new card. Absent: the customer of the order."),
]
Name = Annotated[str, typer.Option(help="The person's name.")]
Locale = Annotated[str, typer.Option(help="Such as fr-FR. Absent: the market's.")]
