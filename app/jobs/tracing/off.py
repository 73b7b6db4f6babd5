"""What stands in the place of a span where none is made."""

from types import TracebackType
from typing import Self

from jobs.ledger import Submission


class Off:
    """A span of any kind that is none."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def answered(self, route: str | None, status: int) -> None:
        pass

    def tells(self, job: Submission) -> None:
        pass

    def accepted(self, job_id: str, *, new: bool = True) -> None:
        pass

    def ended(self, outcome: str, error: BaseException | None) -> None:
        pass


OFF = Off()
