"""What the environment says, variable by variable; what cannot be used stops the start in one line.

An empty variable counts as unset, as Compose and Helm hand on what nobody filled in.
"""

import os
from pathlib import Path
from typing import NoReturn

from jobs.secret import read_secret


def refuse(variable: str, fault: str) -> NoReturn:
    """Stop the start."""
    raise SystemExit(f"taskbell: {variable}: {fault}")


def text(variable: str, default: str = "") -> str:
    return os.environ.get(variable) or default


def flag(variable: str) -> bool:
    value = text(variable, "false").lower()
    if value not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        refuse(variable, "is neither true nor false")
    return value in ("1", "true", "yes", "on")


def secret(variable: str, default: str = "") -> str:
    """The variable, or the content of the file that `<variable>_FILE` names."""
    file = text(f"{variable}_FILE")
    if not file:
        return text(variable, default)
    if text(variable):
        refuse(variable, f"is set beside {variable}_FILE: set one of them")
    try:
        return read_secret(Path(file))
    except ValueError as error:
        refuse(f"{variable}_FILE", str(error))


def is_set(variable: str) -> bool:
    """Whether the variable is there, in either form."""
    return bool(text(variable) or text(f"{variable}_FILE"))
