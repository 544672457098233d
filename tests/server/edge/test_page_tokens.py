"""A page token is good for one query; any other text is malformed, and never an error of ours."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from giftcard_server.edge.fields import Fields
from giftcard_server.edge.page_tokens import page_size, page_token, place_of
from giftcard_storage.order_pages import Place

QUERY = ("ListAuthorizations", "fr", "order-1")
PLACE = Place(datetime(2026, 9, 14, 10, 0, 0, 123456, tzinfo=UTC), "id-7")


def test_a_token_leads_back_to_its_place() -> None:
    fields = Fields()
    assert place_of(fields, page_token(QUERY, PLACE), QUERY) == PLACE
    assert place_of(fields, "", QUERY) is None
    assert fields.violations == []


@pytest.mark.parametrize(
    "query",
    [
        ("ListAuthorizations", "fr", "order-2"),
        ("ListAuthorizations", "be", "order-1"),
        ("ListRefundsDue", "fr", "order-1"),
        ("ListAuthorizations", "fr"),
    ],
)
def test_a_token_is_refused_with_another_query(query: tuple[str, ...]) -> None:
    fields = Fields()
    assert place_of(fields, page_token(QUERY, PLACE), query) is None
    assert [field for field, _ in fields.violations] == ["page_token"]


@given(st.text(min_size=1) | st.binary(min_size=1).map(lambda raw: base64.b64encode(raw).decode()))
@example(base64.urlsafe_b64encode(b'["0000000000000000",1e400,"x"]').decode())
@example(base64.urlsafe_b64encode(b"[" * 200).decode())
@example(page_token(QUERY, PLACE) + "=")
@example(page_token(QUERY, PLACE)[:-1])
def test_any_other_text_is_malformed(text: str) -> None:
    fields = Fields()
    assert place_of(fields, text, QUERY) is None
    assert len(fields.violations) == 1


@pytest.mark.parametrize(
    ("wanted", "size", "violations"),
    [(0, 20, 0), (1, 1, 0), (100, 100, 0), (101, 100, 0), (-1, -1, 1)],
)
def test_a_page_has_the_size_that_was_wanted_within_bounds(
    wanted: int, size: int, violations: int
) -> None:
    fields = Fields()
    assert page_size(fields, wanted) == size
    assert len(fields.violations) == violations
