"""The small parts that letters are made of: mailboxes, isolated lines, colours that can be read."""

from __future__ import annotations

from itertools import starmap
from typing import Final

import pytest

from giftcard_server.mail.addresses import AddressUnusableError, mailbox
from giftcard_server.mail.wording.accents import ACCENTS, DEFAULT, accent_of
from giftcard_server.mail.wording.typed_text import isolated
from given.mail.hostile_texts import FSI, PDI

READABLE: Final = 4.5  # WCAG 2.2, level AA, for text of any size.


@pytest.mark.parametrize(
    ("name", "email", "header"),
    [
        ("Léa", "lea@example.org", "Léa <lea@example.org>"),
        ("", "lea@example.org", "lea@example.org"),
        ('Evil" <x@evil.example>, "', "lea@example.org", '"Evil x evil.example" <lea@example.org>'),
        ("a\r\nBcc: b", "lea@example.org", "a Bcc b <lea@example.org>"),
        ("\u202ea\u200b", " lea@example.org ", "a <lea@example.org>"),
        ("n" * 200, "lea@example.org", f"{'n' * 80} <lea@example.org>"),
        ("Léa", "lea@exämple.org", "Léa <lea@xn--exmple-cua.org>"),
        ("Léa", "lea@straße.example", "Léa <lea@xn--strae-oqa.example>"),
        ("=?utf-8?q?x?=", "lea@example.org", "= ?utf-8?q?x?= <lea@example.org>"),
        ("Léa", '"a b"@example.org', None),
        ("Léa", "lea", None),
        ("Léa", "@example.org", None),
        ("Léa", "lea@", None),
        ("Léa", "lea@example.org\r\nBcc: x@y.example", None),
        ("Léa", "lea@example..org", None),
        ("Léa", "lea@a_\u2260b.example", None),
    ],
)
def test_a_mailbox_is_one_address_whatever_was_typed(
    name: str, email: str, header: str | None
) -> None:
    if header is not None:
        assert str(mailbox(name, email)) == header
        return
    with pytest.raises(AddressUnusableError) as raised:
        mailbox(name, email)
    assert email.strip("@") not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("abc", "abc"),
        ("a\u2069b", "ab"),
        ("a\u2067b\u2069c", "a\u2067b\u2069c"),
        ("a\u2067b", "a\u2067b\u2069"),
        ("\u2066\u2068x\u2069\u2069\u2069", "\u2066\u2068x\u2069\u2069"),
    ],
)
def test_r5_a_line_cannot_leave_its_isolate(line: str, kept: str) -> None:
    assert isolated(line) == f"{FSI}{kept}{PDI}"


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares
    ]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: 1 for the same, 21 for black on white."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("design", ACCENTS)
def test_text_of_every_accent_can_be_read(design: str) -> None:
    accent = accent_of(design)
    pairs = (
        (accent.face, accent.ink),
        (accent.strong, "#ffffff"),
        (accent.strong_in_dark, "#101114"),
    )
    assert min(starmap(contrast, pairs)) >= READABLE


def test_r4_an_unknown_design_has_the_default_accent() -> None:
    assert accent_of("easter") is DEFAULT
