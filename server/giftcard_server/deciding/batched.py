"""A call's wait for a batch, as one of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_server.deciding.batching import Batcher
    from giftcard_server.process.waits import GoOn

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batched(Generic[Item, Result]):
    """Waits for the result of an item in a batch, see `Wait`."""

    __slots__ = ("_batcher", "_gone", "_item")

    def __init__(
        self, batcher: Batcher[Item, Result], item: Item, gone: Callable[[], bool]
    ) -> None:
        self._batcher = batcher
        self._item = item
        self._gone = gone

    def in_thread(self) -> Result:
        """Return the result. Raises what `Batcher.submit` does."""
        return self._batcher.submit(self._item, self._gone)

    def park(self, go_on: GoOn) -> None:
        """Go on with the result or the error, which are the same. Raises `OverloadedError`."""
        self._batcher.park(self._item, self._gone, go_on)
