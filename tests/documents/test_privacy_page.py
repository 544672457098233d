"""docs/privacy.md has every column that can hold a person; an export is as its schema says."""

import json
import re
from typing import Final

from giftcard_storage.schema import TABLES
from given.house import ROOT

PAGE: Final = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
KEPT: Final = PAGE.partition("\n## What is kept\n")[2].partition("\n## ")[0]
COLUMN: Final = re.compile(r"`(\w+\.\w+)`")
PSEUDONYMS: Final = {
    *("order_id", "purchase_order_id", "refund_order_id"),
    *("payment_reference", "provider_reference"),
}
# Columns of texts and bytes that hold nobody: our own ids, words of our own, and digests of terms.
HOLD_NOBODY: Final = {
    *("act", "act_id", "answer", "authorization_id", "caller", "card_id", "card_state", "currency"),
    *(
        "data_key_id",
        "deliver_on",
        "delivery_id",
        "design",
        "destination",
        "digest",
        "exercised_on",
        "form",
    ),
    *("generation", "ground", "hold_id", "holder", "in_force_from", "key_id", "kind", "last4"),
    *("market", "method", "migration", "origin", "payment_method", "proposal_id", "reason"),
    *("refunded_for", "related_card_id", "replaces_card_id", "request_id", "role"),
    *("search_key_id", "server_id", "source", "state", "terms_from", "to_card_id", "type"),
    *("after_key", "deliver_on", "walk"),
    *("wrapped", "person_card_id"),
}


def test_every_column_that_can_hold_a_person_is_in_the_table() -> None:
    texts = {
        f"{model._meta.table_name}.{field.column_name}"
        for model in TABLES
        for field in model._meta.sorted_fields
        if field.field_type in {"TEXT", "BLOB"}
    }
    can_hold_people = {
        column for column in texts if column.partition(".")[2] not in HOLD_NOBODY | PSEUDONYMS
    }
    table = "\n".join(line for line in KEPT.splitlines() if line.startswith("| `"))
    first_cells = "\n".join(line.split(" | ")[0] for line in table.splitlines())
    assert set(COLUMN.findall(first_cells)) == can_hold_people


def test_the_page_names_the_pseudonyms() -> None:
    assert {name for name in PSEUDONYMS if f"`{name}`" not in KEPT} == set()


def test_the_schema_of_exports_is_json_with_all_its_parts() -> None:
    schema = json.loads((ROOT / "docs" / "privacy-export.schema.json").read_text(encoding="utf-8"))
    assert set(schema["required"]) == set(schema["properties"])
