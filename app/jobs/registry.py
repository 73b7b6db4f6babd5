"""The tasks that this process knows, by name."""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from jobs.errors import TaskNotFound
from jobs.task import Task, declared

__all__ = ["all_tasks", "find", "load"]


def find(name: str) -> Task[Any, Any]:
    """The task of this name.

    Raises:
        TaskNotFound: none has it.
    """
    try:
        return declared[name]
    except KeyError:
        raise TaskNotFound(f"{name}: see the catalogue at /api/tasks/.") from None


def all_tasks() -> list[Task[Any, Any]]:
    """Every task, by name."""
    return [declared[name] for name in sorted(declared)]


def load(packages: Iterable[str]) -> None:
    """Import every module of these packages, so that their tasks are declared.

    Raises:
        DeclarationError: a task is declared wrongly; the message names file and line.
    """
    for name in packages:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
            importlib.import_module(module.name)
