"""The threads of parked calls: a call takes one once its message has arrived, until it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from giftcard_server.edge.parking.inner_grpc import Accepted, Slot, accepted
from giftcard_server.process.ready_threads import ReadyThreads

if TYPE_CHECKING:
    from collections.abc import Callable

# Four lead batches at most. The others read and check requests, which waits for Redis at most.
PARKING_THREADS: Final = 16


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
