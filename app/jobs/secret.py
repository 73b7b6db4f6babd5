"""A secret that is the content of a file, as Kubernetes and Docker mount it."""

import hmac
from pathlib import Path


def read_secret(path: Path) -> str:
    """What the file holds, without its last line's end.

    Raises:
        ValueError: there is no such file, it cannot be read, or it holds nothing.
    """
    try:
        found = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no UTF-8") from None
    secret = found.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ValueError(f"{path} is empty")
    return secret


def is_shown(authorization: str, token: str, file: Path | None) -> bool:
    """Whether this header shows the bearer token; always where none is set. A file is read anew each time.

    Raises:
        ValueError: the file cannot be read, or holds nothing.
    """
    expected = read_secret(file) if file else token
    said = f"Bearer {expected}"
    return not expected or hmac.compare_digest(authorization.encode(), said.encode())
