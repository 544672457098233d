"""The threads of parked calls: a call takes one once its message has arrived, until it waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from giftcard_server.edge.parking.inner_grpc import Accepted, accepted
from giftcard_server.process.ready_threads import ReadyThreads

if TYPE_CHECKING:
    from collections.abc import Callable

# Four lead batches at most. The others read and check requests, which waits for Redis at most.
PARKING_THREADS: Final = 16


class Slot:
    """A call's place among those that are allowed at a time; gRPC counts it until it is free.

    It has of a `Future` what grpcio uses, at a fraction of the cost: a `Future` is made to be
    waited for, and nobody waits for this one.
    """

    __slots__ = ("_call_back", "_is_free", "_told")

    def __init__(self) -> None:
        self._call_back: Callable[[Slot], object] | None = None
        self._is_free = False
        self._told = threading.Lock()

    def add_done_callback(self, call_back: Callable[[Slot], object]) -> None:
        """Have `call_back` called once it is free, which it may be already. Once only."""
        self._call_back = call_back
        self._tell()

    def free(self) -> None:
        """Free it: the answer was handed to gRPC."""
        self._is_free = True
        self._tell()

    def _tell(self) -> None:
        # Both threads may find that both have happened; one of the two gets the lock.
        if self._is_free and self._call_back is not None and self._told.acquire(blocking=False):
            self._call_back(self)


class Parkable(Protocol):
    """Answers the calls of one RPC."""

    def begin(self, call: Accepted, slot: Slot) -> None:
        """Begin a call, in grpcio's own thread: do little, do not wait, do not raise.

        `slot` has to be freed once the answer was handed to gRPC.
        """


class ParkingThreads(ReadyThreads):
    """The pool that grpcio hands calls to whose behavior is `Parkable`."""

    def __init__(self) -> None:
        super().__init__(PARKING_THREADS, "call")

    def submit(self, *arguments: Any) -> Slot:  # type: ignore[override] # grpcio submits nothing else.
        """Begin a call; what is returned is free when the call has its answer."""
        slot = Slot()
        call = accepted(arguments)
        behavior: Parkable = call.behavior
        behavior.begin(call, slot)
        return slot

    def run(self, task: Callable[[], None]) -> None:
        """Run a task, which must not raise, on the first idle thread. Raises `RuntimeError`."""
        if self._is_stopped:
            message = "cannot run a task after shutdown"
            raise RuntimeError(message)
        self._tasks.put(task)
        self._join_in()
