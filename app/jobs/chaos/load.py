"""The load: every planned job is submitted until it is accepted, by several threads at once."""

import threading
from collections.abc import Callable, Iterable, Sequence

from jobs.chaos.books import Books, Entry
from jobs.chaos.cancels import TRY_AGAIN, Canceller
from jobs.chaos.client import Api, Unanswered
from jobs.chaos.kinds import Planned
from jobs.chaos.plan import CannotRun
from jobs.chaos.strikes import now

THREADS = 8
PAUSE_SECONDS = 0.1
ACCEPTED = (200, 202)


class Load:
    """Submits jobs, and hands on those that are to be cancelled."""

    def __init__(self, urls: Sequence[str], books: Books, run: str, canceller: Canceller | None) -> None:
        self._urls = urls
        self._books = books
        self._run = run
        self._canceller = canceller
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.fault: BaseException | None = None
        """What stopped it early."""

    def start(self, planned: Iterable[Planned], may_go_on: Callable[[], bool]) -> None:
        """Begin; a submit waits while `may_go_on` is false."""
        jobs = iter(planned)
        for number in range(THREADS):
            told = (self._submit_all, jobs, may_go_on, number)
            self._threads.append(threading.Thread(target=self._watched, args=told, daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def is_done(self) -> bool:
        """Whether all was submitted, or it stopped early."""
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Submit nothing more."""
        self._stop.set()

    def _watched(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - the run ends with it
            self.fault = error
            self._stop.set()

    def _submit_all(self, jobs: Iterable[Planned], may_go_on: Callable[[], bool], number: int) -> None:
        api = Api(self._urls, f"{self._run} {number}")
        while not self._stop.is_set():
            with self._lock:
                planned = next(iter(jobs), None)
            if planned is None:
                break
            while not may_go_on() and not self._stop.wait(0.02):
                pass
            self._submit(api, planned)
        api.close()

    def _submit(self, api: Api, planned: Planned) -> None:
        key = f"{self._run}-{planned.serial}"
        while not self._stop.is_set():
            entry = self._books.sent(planned, now())
            task_id = _posted(api, planned, key)
            if task_id is not None:
                self._accept(entry, task_id)
                return
            entry.in_doubt += 1
            self._stop.wait(PAUSE_SECONDS)

    def _accept(self, entry: Entry, task_id: str) -> None:
        self._books.answered(entry, task_id, now())
        after = entry.planned.cancel_after
        if after is not None and self._canceller is not None:
            self._canceller.cancel(task_id, after)


def _posted(api: Api, planned: Planned, key: str) -> str | None:
    """The id of a job that was accepted; None where it may have been, or not."""
    try:
        answer = api.post(planned.path, planned.arguments, key)
    except Unanswered:
        return None
    if answer.status in ACCEPTED:
        return str(answer.json()["task_id"])
    if answer.status in TRY_AGAIN:
        return None
    raise CannotRun(f"a submit of {planned.task} was answered with {answer.status}: {answer.body[:300]!r}")
