"""Time limits that were changed while a worker runs: told to its pool processes, which were there before."""

import json
import mmap
import struct
from collections.abc import Mapping
from typing import Any

_SIDE = 32_768
_VERSION = struct.Struct("=Q")
_SIZE = struct.Struct("=I")


class TimeLimits:
    """What was changed, for all processes of a worker. Made in the main process, before its pool forks."""

    def __init__(self, tasks: Mapping[str, Any]) -> None:
        self._tasks = tasks
        self._memory = mmap.mmap(-1, _VERSION.size + 2 * _SIDE)  # shared with what is forked
        self._changed: dict[str, tuple[float | None, float | None]] = {}
        self._seen = 0

    def change(self, task: str, soft: float | None, hard: float | None) -> None:
        """In the main process: from the next attempts on.

        Raises:
            ValueError: too many tasks were changed.
        """
        changed = self._changed | {task: (soft, hard)}
        told = json.dumps(changed).encode()
        if len(told) > _SIDE - _SIZE.size:
            raise ValueError("time limits of too many tasks were changed: restart the worker")
        self._changed = changed
        side = self._side(self._seen + 1)  # not the one that others may be reading
        self._memory[side + _SIZE.size : side + _SIZE.size + len(told)] = told
        _SIZE.pack_into(self._memory, side, len(told))
        _VERSION.pack_into(self._memory, 0, self._seen + 1)
        self.heed()

    def heed(self) -> None:
        """In any process: give the tasks the limits that were told since the last look."""
        (version,) = _VERSION.unpack_from(self._memory, 0)
        if version == self._seen:
            return
        side = self._side(version)
        (size,) = _SIZE.unpack_from(self._memory, side)
        told = json.loads(self._memory[side + _SIZE.size : side + _SIZE.size + size])
        for name, (soft, hard) in told.items():
            self._tasks[name].soft_time_limit, self._tasks[name].time_limit = soft, hard
        self._seen = version

    def _side(self, version: int) -> int:
        return _VERSION.size + version % 2 * _SIDE
