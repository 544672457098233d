"""Deliveries at rest: how they are made, claimed, noted, listed and counted."""

from giftcard_storage.deliveries.stored import (
    StoredDelivery,
    deliveries_of,
    delivery_id_of,
    row_of_new,
)

__all__ = ["StoredDelivery", "deliveries_of", "delivery_id_of", "row_of_new"]
