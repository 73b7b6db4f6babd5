"""A holder that can send its calls again, as the network might."""

from typing import Any

from jobs.conf import Settings
from jobs.ledger import Holder, KnownTasks


class Recorder(Holder):
    """A holder that keeps its calls, with their numbers and answers."""

    def __init__(self, id: str, settings: Settings, known: KnownTasks, worker: str = "") -> None:  # noqa: A002
        super().__init__(id, settings, known, worker)
        self.calls: list[tuple[str, int, tuple[Any, ...], list[bytes]]] = []

    def _call(self, script: str, *arguments: Any) -> list[bytes]:
        answer = super()._call(script, *arguments)
        self.calls.append((script, self._seq, arguments, answer))
        return answer

    def again(self, back: int) -> list[bytes]:
        """Send a call again as it was: the last for 1, the one before it for 2."""
        script, seq, arguments, _ = self.calls[-back]
        answer: list[bytes] = self._wire.run(self._scripts[script], self.id, seq, *arguments)
        return answer
