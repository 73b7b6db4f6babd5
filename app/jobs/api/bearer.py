"""What a caller shows where an address is not for everybody: a bearer token."""

from pathlib import Path

from django.http import HttpRequest

from jobs.errors import Unauthorized
from jobs.secret import is_shown


def check(request: HttpRequest, token: str, file: Path | None, variable: str) -> None:
    """Let who shows the token pass, and everybody where none is set; a file with it is read anew each time.

    Raises:
        Unauthorized: it is another token, or none.
    """
    if not is_shown(request.headers.get("Authorization", ""), token, file):
        raise Unauthorized(f"Authorization: Bearer, and the token that {variable} sets.")
