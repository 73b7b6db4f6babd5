"""How Redis is reached: where it is, and as whom it is asked. The same for ledger, bells and results."""

from typing import Any

import redis

from jobs.conf import Settings, settings
from jobs.secret import read_secret


class Credentials(redis.CredentialProvider):
    """User and password as they are now: each new connection asks, and a file is read each time.

    So a password may change while processes run. One that cannot be had is one that is refused: for
    those who connect, Redis is away until it can.
    """

    def __init__(self, own: Settings | None = None) -> None:
        """Of these settings, or of this process's: Celery makes one by its name."""
        self._settings = own or settings()

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        user, file = self._settings.REDIS_USERNAME, self._settings.REDIS_PASSWORD_FILE
        try:
            password = read_secret(file) if file else self._settings.REDIS_PASSWORD
        except ValueError as error:
            # Any other error would leave a connection open that never said who it is.
            raise redis.AuthenticationError(f"REDIS_PASSWORD_FILE: {error}") from None
        return (user, password) if user else (password,)


def has_credentials(own: Settings) -> bool:
    """Whether user and password stand beside the address, and not in it."""
    return bool(own.REDIS_PASSWORD or own.REDIS_PASSWORD_FILE)


def pool(own: Settings, **options: Any) -> redis.ConnectionPool:
    """Connections to the Redis of these settings."""
    if has_credentials(own):
        options["credential_provider"] = Credentials(own)
    return redis.ConnectionPool.from_url(own.REDIS_URL, **options)
