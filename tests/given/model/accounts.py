"""The accounts of cards, as the postings in a database lead to them."""

from collections import Counter

from given.model.plain_terms import Facts


def accounts_after(postings: list[Facts]) -> Counter[tuple[str, str]]:
    """Return the accounts of cards after all postings in their order, none of them negative."""
    accounts: Counter[tuple[str, str]] = Counter()
    for posting in postings:
        amount = posting["amount_minor"]
        source = (posting["card_id"], posting["source"])
        destination = (posting["to_card_id"] or posting["card_id"], posting["destination"])
        accounts[source] -= amount
        accounts[destination] += amount
    outside = {"PAYMENTS", "BREAKAGE", "REFUNDS_DUE", "CHARGEBACK"}
    return Counter({name: left for name, left in accounts.items() if name[1] not in outside})
