"""The adapter as a process: its parts, its signals, its end."""

import logging
import signal
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobs.adapter.answers import Answers, Readiness
from jobs.adapter.caller import Authority, Callers
from jobs.adapter.certificates import ends_at, issue
from jobs.adapter.files import Files
from jobs.adapter.keeper import Keeper, Place
from jobs.adapter.loads import Loads, Signal
from jobs.adapter.server import Server
from jobs.adapter.terms import Pair, Standing
from jobs.kubernetes import Kubernetes

logger = logging.getLogger("jobs.adapter")


class CannotStart(Exception):
    """Nothing was started; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is told."""

    host: str
    port: int
    release: str
    place: Place
    kubernetes: Kubernetes
    files: tuple[Path, Path] | None
    """Certificate and key, where they are one's own."""


class Adapter:
    """All parts of one run."""

    def __init__(self, options: Options, load: Signal) -> None:
        """Open the port.

        Raises:
            CannotStart: it cannot be had, or the certificate cannot be shown.
        """
        self._readiness = Readiness()
        # Until there is the one that the API server believes, a certificate for the kubelet's probes, which
        # believe any: a pod that waits for Kubernetes' API lives.
        own = issue(options.place.names, timedelta(days=1))
        self._standing = Standing(own.pair)
        self._callers = Callers(options.kubernetes, self._believe)
        self._certificates = self._certificates_of(options)
        answers = Answers(
            namespace=options.place.namespace, release=options.release, loads=Loads(load),
            readiness=self._readiness,
        )  # fmt: skip
        try:
            self.server = Server(
                (options.host, options.port), self._standing, answers.answer, doubt=self._callers.doubt
            )
        except OSError as error:
            raise CannotStart(f"port {options.port} cannot be had: {error.strerror or error}") from None

    def start(self) -> None:
        self.server.start()
        self._callers.start()
        self._certificates.start()

    def _certificates_of(self, options: Options) -> Keeper | Files:
        if options.files is None:
            return Keeper(options.kubernetes, options.place, self._show)
        files = Files(*options.files, self._show)
        try:
            files.look()
        except (OSError, ValueError) as error:
            raise CannotStart(f"the certificate cannot be shown: {error}") from None
        return files

    def _show(self, pair: Pair) -> None:
        self._standing.show(pair)
        self._readiness.until = ends_at(pair.certificate)
        self._readiness.certificate.set()

    def _believe(self, authority: Authority) -> None:
        self._standing.believe(authority)
        self._readiness.authority.set()


def run(options: Options, load: Signal) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code.

    Raises:
        CannotStart: nothing was started.
    """
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    adapter = Adapter(options, load)
    adapter.start()
    logger.info("adapter.listening port=%d namespace=%s", adapter.server.port, options.place.namespace)
    stop.wait()
    adapter.server.stop()
    return 0
