"""A certificate of one's own, in files: shown anew when they change."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from jobs.adapter.terms import Pair

logger = logging.getLogger("jobs.adapter")
EVERY_SECONDS = 5.0


class Files(threading.Thread):
    """Looks at two files again and again, as Kubernetes exchanges what a volume holds."""

    def __init__(
        self, certificate: Path, key: Path, show: Callable[[Pair], None], every_seconds: float = EVERY_SECONDS
    ) -> None:
        super().__init__(name="files", daemon=True)
        self._certificate, self._key, self._show = certificate, key, show
        self._every_seconds = every_seconds
        self._shown: Pair | None = None
        self._away = False

    def look(self) -> None:
        """Show what the files hold, if it is not shown.

        Raises:
            OSError, ValueError: they hold nothing that can be shown; what is shown stays.
        """
        pair = Pair(certificate=self._certificate.read_text("ascii"), key=self._key.read_text("ascii"))
        if pair != self._shown:
            self._show(pair)
            logger.info("certificate.loaded file=%s", self._certificate)
        self._shown = pair

    def run(self) -> None:
        while True:
            time.sleep(self._every_seconds)
            try:
                self.look()
                self._away = False
            except (OSError, ValueError) as error:
                if not self._away:
                    logger.warning("certificate.unreadable file=%s reason=%s", self._certificate, error)
                self._away = True
