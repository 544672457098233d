"""Reads the fields of a request, and collects all violations to answer them at once."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from giftcard_rules.commands import Contact, Money
from giftcard_server.errors import InvalidRequestError

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping, Sequence

    from google.protobuf.duration_pb2 import Duration
    from google.type.date_pb2 import Date

    from giftcard.v1 import order_pb2
    from giftcard_rules.codes import Code

ID_CHARACTERS: Final = 64
REFERENCE_CHARACTERS: Final = 128
NAME_CHARACTERS: Final = 200
EMAIL_CHARACTERS: Final = 254
LOCALE_CHARACTERS: Final = 35  # RFC 5646 asks for room for as many.
DISCOUNTS: Final = 100
NANOS: Final = 1_000_000_000
# A thousand million euro: far more than any order, and sums stay far below 64 bits.
AMOUNT_MINOR: Final = 100_000_000_000
EARLIEST_DELIVERY: Final = date(2000, 1, 1)

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MARKET: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_HEX: Final = "[0-9a-fA-F]"
_UUID: Final = re.compile(f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
_NIL_UUID: Final = "00000000-0000-0000-0000-000000000000"
_CONTROL_OR_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # Without tab and line feed.

Member = TypeVar("Member", bound="enum.Enum")


class Fields:
    """Reads the fields of one request. It notes a violation and returns a harmless value for it.

    `mistakes_today` are violations of what depends on the day or on terms: they count once no
    record answers the request, as a replay may be of another day. `request_ids` are the request
    ids that were read, by field. `code` is the code that was typed, if it is one; nobody prints it.
    """

    __slots__ = ("code", "mistakes_today", "request_ids", "violations")

    def __init__(self) -> None:
        self.violations: list[tuple[str, str]] = []
        self.mistakes_today: list[tuple[str, str]] = []
        self.request_ids: dict[str, str] = {}
        self.code: Code | None = None

    def wrong(self, field: str, why: str) -> None:
        """Note a violation. `why` never quotes what was sent."""
        self.violations.append((field, why))

    def wrong_today(self, field: str, why: str) -> None:
        """Note what is wrong with a field on this day, or under these terms."""
        self.mistakes_today.append((field, why))

    def require_valid(self) -> None:
        """Raise `InvalidRequestError` if a violation was noted.

        A request that is malformed on any day has no record, so all its violations are told.
        """
        if self.violations:
            raise InvalidRequestError([*self.violations, *self.mistakes_today])

    def text(
        self, value: str, field: str, limit: int = ID_CHARACTERS, *, required: bool = True
    ) -> str:
        """Read a text of at most `limit` characters on one line."""
        if not value:
            if required:
                self.wrong(field, "is required")
        elif len(value) > limit:
            self.wrong(field, f"must have at most {limit} characters")
        elif not value.isprintable() and _CONTROL_OR_BREAK.search(value):
            self.wrong(field, "must have no control characters")
        return value

    def prose(self, value: str, field: str, limit: int) -> str:
        """Read a plain text of at most `limit` characters on any number of lines."""
        if len(value) > limit:
            self.wrong(field, f"must have at most {limit} characters")
        elif _CONTROL.search(value):
            self.wrong(field, "must have no control characters but line feed and tab")
        return value

    def request_id(self, value: str, field: str = "request_id") -> str:
        """Read a UUID in its usual form, and return it in lower case.

        The nil UUID is what programs send that forgot to make an id, so that it names no request.
        """
        if not value:
            self.wrong(field, "is required")
            return ""
        if not _UUID.fullmatch(value):
            self.wrong(field, "must be a UUID")
            return ""
        if value == _NIL_UUID:
            self.wrong(field, "must not be the nil UUID")
            return ""
        self.request_ids[field] = read = value.lower()
        return read

    def own_id(self, value: str, field: str) -> str:
        """Read an id that this service gave, and return it in lower case, as all of them are."""
        return self.text(value, field).lower()

    def market(self, value: str) -> str:
        """Read the name of a market, which this service may not have."""
        if not value:
            self.wrong("market", "is required")
        elif not _MARKET.fullmatch(value):
            self.wrong("market", 'must be a short lower-case name such as "fr"')
            return ""
        return value

    def money(
        self, value: order_pb2.Money, field: str, *, present: bool = True, minimum: int = 1
    ) -> Money:
        """Read an amount of at least `minimum` minor units."""
        if not present:
            self.wrong(field, "is required")
            return Money(minimum, "")
        amount_minor, currency = value.amount_minor, value.currency_code
        if not minimum <= amount_minor <= AMOUNT_MINOR:
            self.wrong(f"{field}.amount_minor", f"must be from {minimum} to {AMOUNT_MINOR}")
        if not _CURRENCY.fullmatch(currency):
            self.wrong(f"{field}.currency_code", 'must be an ISO 4217 code such as "EUR"')
        return Money(amount_minor, currency)

    def contact(self, value: order_pb2.Contact, field: str, *, present: bool) -> Contact:
        """Read a person, of whom the e-mail address is required."""
        if not present:
            self.wrong(field, "is required")
            return Contact("", "", "")
        name = self.text(value.name, f"{field}.name", NAME_CHARACTERS, required=False)
        email = self.email(value.email, f"{field}.email")
        locale = value.locale
        if locale and not (len(locale) <= LOCALE_CHARACTERS and _LOCALE.fullmatch(locale)):
            self.wrong(f"{field}.locale", 'must be a BCP 47 tag such as "fr-FR"')
        return Contact(name, email, locale)

    def email(self, value: str, field: str) -> str:
        """Read an e-mail address."""
        email = self.text(value, field, EMAIL_CHARACTERS)
        if email and not _EMAIL.fullmatch(email):
            self.wrong(field, "must be an e-mail address")
        return email

    def discount_codes(self, values: Sequence[str], field: str) -> tuple[str, ...]:
        """Read a list of short texts, none of them empty."""
        if len(values) > DISCOUNTS:
            self.wrong(field, f"must have at most {DISCOUNTS} entries")
            return ()
        return tuple(self.text(value, f"{field}[{i}]") for i, value in enumerate(values))

    def member(self, value: int, field: str, members: Mapping[int, Member]) -> Member | None:
        """Read an enum; a missing value is wrong, and so is one that this version does not know."""
        member = members.get(value)
        if member is None:
            self.wrong(field, "is required" if value == 0 else "is not a known value")
        return member

    def hold_for(self, value: Duration, field: str) -> timedelta:
        """Read a duration of more than zero; it is cut to 100 years, which a timedelta can hold."""
        longest = timedelta(days=36500)
        seconds, nanos = value.seconds, value.nanos
        if seconds < 0 or not 0 <= nanos < NANOS or not (seconds or nanos):
            self.wrong(field, "must be a duration of more than zero")
            return longest
        duration = timedelta(
            seconds=min(seconds, int(longest.total_seconds())), microseconds=nanos // 1000
        )
        return max(duration, timedelta.resolution)

    def day(
        self,
        value: Date,
        field: str,
        latest: date,
        when: str = "today",
        earliest: date = EARLIEST_DELIVERY,
    ) -> date:
        """Read a calendar day from `earliest` to `latest`, which is called `when`.

        One after `latest` is a mistake of today.
        """
        try:
            day = date(value.year, value.month, value.day)
        except ValueError:
            self.wrong(field, "must be a day of the calendar")
            return latest
        if not earliest <= day <= latest:
            note = self.wrong_today if day > latest else self.wrong
            note(field, f"must be from {earliest} to {when}")
        return day
