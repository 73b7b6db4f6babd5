"""What a caller shows where an address is not for everybody: a bearer token."""

import hmac
from pathlib import Path

from django.http import HttpRequest

from jobs.errors import Unauthorized
from jobs.secret import read_secret


def check(request: HttpRequest, token: str, file: Path | None, variable: str) -> None:
    """Let who shows the token pass, and everybody where none is set; a file with it is read anew each time.

    Raises:
        Unauthorized: it is another token, or none.
    """
    expected = read_secret(file) if file else token
    said = request.headers.get("Authorization", "")
    if expected and not hmac.compare_digest(said.encode(), f"Bearer {expected}".encode()):
        raise Unauthorized(f"Authorization: Bearer, and the token that {variable} sets.")
