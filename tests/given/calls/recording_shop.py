"""A shop whose calls are all written down in a history."""

from typing import Any

import grpc

from giftcard_client.histories.recording.history import History
from giftcard_client.histories.recording.recorder import Answer, Recorder
from given.calls.shop import Shop


class RecordingShop(Shop):
    """A shop that records; `call` is for what must be granted, `send` for all else."""

    def __init__(self, channel: grpc.Channel, history: History) -> None:
        super().__init__(channel)
        self._recorder = Recorder(history, channel)

    def call(self, request: Any) -> Any:
        """Send a request that is granted."""
        answer = self.send(request)
        assert answer.response is not None, answer
        return answer.response

    def send(self, request: Any) -> Answer:
        """Send a request, and return what came of it."""
        return self._recorder.send(request)
