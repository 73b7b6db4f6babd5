"""A secret that is the content of a file, as Kubernetes and Docker mount it."""

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
