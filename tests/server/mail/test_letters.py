"""Letters of every kind in every language: what they say, and what must never stand in them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from giftcard_rules.commands import PaymentMethod
from giftcard_rules.deliveries import WITH_CODE, DeliveryKind
from giftcard_rules.terms import FRENCH_TERMS
from giftcard_server.mail.made_up import CODE, SHOP, VARIANTS, made_up
from giftcard_server.mail.rendering import LetterIncompleteError
from given.mail.hostile_texts import FSI, MESSAGES, NAMES, PDI
from given.mail.read_letters import MESSAGE_ID, page_of, part, plain, said, written

LANGUAGES: Final = ("fr", "en")
EVERY: Final = [
    pytest.param(kind, language, changes, id=f"{kind.value}-{language}-{number}")
    for kind in DeliveryKind
    for language in LANGUAGES
    for number, changes in enumerate(VARIANTS[kind])
]
HEADERS: Final = {
    "From": "Maison Exemple <cards@shop.example>",
    "To": "Léa Dubois <lea@example.org>",
    "Date": "Mon, 31 Aug 2026 08:00:00 +0000",
    "Message-ID": MESSAGE_ID,
    "Auto-Submitted": "auto-generated",
    "X-Auto-Response-Suppress": "All",
    "MIME-Version": "1.0",
}
# Everything that a letter is made of: nothing among it loads or runs anything.
TAGS: Final = {
    "html", "head", "meta", "title", "style", "body", "div", "h1", "h2", "p", "a", "ol", "ul", "li",
    "table", "tbody", "tr", "td", "th",
}  # fmt: skip
PREVIEW: Final = 400  # Characters, which is more than any mail program shows.
CARD: Final = DeliveryKind.CARD


@pytest.mark.parametrize(("kind", "language", "changes"), EVERY)
def test_r8_the_code_stands_in_the_bodies_alone_and_nothing_is_loaded(
    kind: DeliveryKind, language: str, changes: dict[str, Any]
) -> None:
    message = written(made_up(kind, locale=language, **changes))
    headers = dict(message.items())
    assert HEADERS.items() <= headers.items()
    assert headers.keys() - HEADERS.keys() == {"Subject", "Content-Type", "Content-Language"}
    assert message["Content-Language"] == language
    parts = list(message.walk())
    assert [each.get_content_type() for each in parts] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert CODE not in "".join(f"{value}" for each in parts for value in each.values())
    page, text = page_of(message), part(message, "plain")
    assert page.of_class("code") == ([CODE] if kind in WITH_CODE else [])
    assert text.count(CODE) == len(page.of_class("code"))
    assert part(message, "html").count(CODE) == len(page.of_class("code"))
    # What a list of messages shows beside the subject begins with the preheader.
    assert CODE not in "".join(text for _, text in page.texts)[:PREVIEW]
    assert set(page.tags) <= TAGS
    assert {name for name, _ in page.attributes} & {"src", "srcset", "background", "alt"} == set()
    links = {value for name, value in page.attributes if name == "href"}
    assert links == ({SHOP.website} if kind in WITH_CODE | {DeliveryKind.REMINDER} else set())
    styles = "".join(page.styles + [value for name, value in page.attributes if name == "style"])
    assert not re.search(r"url\(|@import|expression", styles)


@pytest.mark.parametrize(("kind", "language", "changes"), EVERY)
def test_the_text_part_says_everything_that_the_html_part_says(
    kind: DeliveryKind, language: str, changes: dict[str, Any]
) -> None:
    message = written(made_up(kind, locale=language, **changes))
    text = plain(part(message, "plain"))
    # The card in colours repeats the table; the preheader repeats the sentences.
    shown = [
        plain(each)
        for classes, each in page_of(message).texts
        if classes not in {"preheader", "occasion", "amount", "until"}
    ]
    assert [each for each in shown if each not in text] == []
    assert not re.search(r"\s[,.]|  |\{|None|\bTrue\b", "\n".join(shown))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("typed", "lines"), MESSAGES.values(), ids=MESSAGES)
def test_r5_the_buyers_message_arrives_as_text(typed: str, lines: list[str], language: str) -> None:
    message = written(made_up(CARD, locale=language, message=typed))
    page, text = page_of(message), part(message, "plain")
    shown = [each.strip("\u00a0") for each in page.of_class("line")]
    assert shown == lines
    assert set(page.tags) <= TAGS
    quoted = [line[1:].strip() for line in text.split("\n") if line.startswith(">")]
    assert quoted == [f"{FSI}{line}{PDI}" if line else "" for line in lines]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("typed", "in_subject"), NAMES.values(), ids=NAMES)
def test_r5_a_name_breaks_neither_header_nor_html(
    typed: str, in_subject: str, language: str
) -> None:
    letter = made_up(
        CARD, locale=language, purchaser_name=typed, named_by_name=typed, addressee_name=typed
    )
    message = written(letter, name=typed)
    assert message["Subject"].strip().startswith(in_subject)
    assert message["Bcc"] is None
    (to,) = message["To"].addresses
    assert to.addr_spec == "lea@example.org"
    page, text = page_of(message), part(message, "plain")
    assert set(page.tags) <= TAGS
    for body in (text, "".join(each for _, each in page.texts)):
        assert body.count(FSI) + body.count("\u2066") == body.count(PDI)


@pytest.mark.parametrize(
    ("locale", "of_market", "language", "amount"),
    [
        ("fr", "fr", "fr", "1 234,50 €"),
        ("fr-FR", "en", "fr", "1 234,50 €"),
        ("fr_CH.UTF-8", "en", "fr", "1'234,50 €"),
        ("en", "fr", "en", "€1,234.50"),
        ("EN-us", "fr", "en", "€1,234.50"),
        ("en-IE", "fr", "en", "€1,234.50"),
        ("en-XX", "fr", "en", "€1,234.50"),
        ("de-DE", "fr", "fr", "1 234,50 €"),
        ("de-DE", "de", "en", "€1,234.50"),
        ("", "fr", "fr", "1 234,50 €"),
        ("<script>", "fr", "fr", "1 234,50 €"),
        ("../fr", "en", "en", "€1,234.50"),
        ("x" * 500, "en", "en", "€1,234.50"),
    ],
)
def test_a_letter_is_in_the_readers_language_else_in_the_markets(
    locale: str, of_market: str, language: str, amount: str
) -> None:
    shop = replace(SHOP, language=of_market)
    letter = made_up(CARD, locale=locale, shop=shop, amount_minor=1234_50)
    message = written(letter)
    assert message["Content-Language"] == language
    assert amount in plain(part(message, "plain")).replace("\u202f", " ")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(5000, "JPY", "5 000 JPY"), (12_345, "TND", "12,345 TND"), (5, "EUR", "0,05 €")],
)
def test_amounts_have_the_digits_of_their_currency(minor: int, currency: str, text: str) -> None:
    assert f"Montant : {text}" in said(made_up(CARD, amount_minor=minor, currency=currency))


@pytest.mark.parametrize(
    ("locale", "text"),
    [("fr", "1er mars 2027"), ("en", "March 1, 2027"), ("en-GB", "1 March 2027")],
)
def test_the_first_day_of_a_month_is_written_as_the_language_has_it(locale: str, text: str) -> None:
    letter = made_up(DeliveryKind.REMINDER, locale=locale, expires_on=date(2027, 3, 1))
    assert text in said(letter)


@pytest.mark.parametrize("method", PaymentMethod)
@pytest.mark.parametrize("language", LANGUAGES)
def test_r29_every_means_of_payment_has_words(method: PaymentMethod, language: str) -> None:
    letter = made_up(DeliveryKind.CANCELLATION, locale=language, payment_method=method)
    assert method.value not in said(letter)


@pytest.mark.parametrize("design", [*FRENCH_TERMS.designs, "easter", "<b>"])
def test_r4_every_design_has_a_card_also_an_unknown_one(design: str) -> None:
    page = page_of(written(made_up(DeliveryKind.CONFIRMATION, design=design)))
    assert len(page.of_class("occasion")) == 1
    known = design in FRENCH_TERMS.designs
    assert (design in [text for _, text in page.texts]) == (not known)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (CARD, "code"),
        (DeliveryKind.CONFIRMATION, "cancel_until"),
        (DeliveryKind.REPLACEMENT, "cause"),
        (DeliveryKind.CANCELLATION, "payment_method"),
        (DeliveryKind.REMINDER, "days_left"),
    ],
)
def test_a_letter_that_lacks_what_it_needs_is_not_written(kind: DeliveryKind, field: str) -> None:
    lacking: dict[str, Any] = {field: None}
    letter = made_up(kind, **lacking)
    with pytest.raises(LetterIncompleteError, match=rf"kind {kind.value} needs {field}$"):
        written(letter)


@pytest.mark.parametrize("kind", [kind for kind in DeliveryKind if kind not in WITH_CODE])
def test_r9_a_letter_without_the_code_cannot_be_given_one(kind: DeliveryKind) -> None:
    with pytest.raises(ValueError, match="never carries a code"):
        made_up(kind, code=CODE)


def test_a_shop_without_a_website_has_no_button_and_no_link() -> None:
    page = page_of(written(made_up(CARD, shop=replace(SHOP, website=""))))
    assert "a" not in page.tags
    with pytest.raises(ValueError, match="begins with https://"):
        replace(SHOP, website="javascript:alert(1)")
