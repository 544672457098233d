"""The arguments of calls: money, orders, people, purchases. Plain values, checked by the server."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from giftcard_client.argument_types import require_field_types, require_type
from giftcard_client.vocabulary import PaymentMethod


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit: 12,34 € is `Money(1234)`."""

    amount_minor: int
    # ISO 4217, three capital letters.
    currency_code: str = "EUR"

    def __post_init__(self) -> None:
        """Raise TypeError unless the amount is an `int` and the currency a text."""
        # A float of cents is a bug that would round a customer's money away much later.
        # It is refused here, where the caller's line is still on the stack.
        if type(self.amount_minor) is not int:
            message = (
                f"amount_minor is a whole number of cents, not {type(self.amount_minor).__name__}"
            )
            raise TypeError(message)
        require_type("Money.currency_code", self.currency_code, str)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A product, the delivery, a fee.

    `category` is one of the market's own words, or `gift_card` (R18); the
    market's terms say which of them a card cannot pay (R1).
    """

    category: str
    amount: Money

    def __post_init__(self) -> None:
        """Raise TypeError for a field of a wrong type, with its name."""
        require_field_types(self)


@dataclass(frozen=True, slots=True)
class Order:
    """The order that a card shall help to pay: all of it, not only the card's part.

    `total` includes delivery, and the amounts of `lines` add up to it. Any
    discount code makes a card unusable (R17).
    """

    order_id: str
    total: Money
    lines: Sequence[OrderLine]
    discount_codes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raise TypeError for a field of a wrong type, with its name."""
        require_field_types(self)


@dataclass(frozen=True, slots=True)
class Contact:
    """A person. No field is ever shown, neither by `repr` nor in an exception (R30)."""

    email: str = field(repr=False)
    name: str = field(default="", repr=False)
    # BCP 47, such as "fr-FR"; empty means the market's own.
    locale: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raise TypeError for a field of a wrong type, with its name."""
        require_field_types(self)


@dataclass(frozen=True, slots=True)
class Purchase:
    """The purchase of a card: one card for each purchase (R10), paid by bank card (R3).

    `payment_reference` is the payment provider's; Cancel returns it (R29).
    """

    order_id: str
    payment_reference: str
    payment_method: PaymentMethod = PaymentMethod.BANK_CARD
    discount_codes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raise TypeError for a field of a wrong type, with its name."""
        require_field_types(self)
