"""The generated tables of the documentation. Run as a script, it writes them:

PYTHONPATH=app .venv/bin/python -m tests.docs.references
"""

import ast
import inspect
import itertools
import re
import textwrap
import typing
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from jobs.conf import Settings
from jobs.errors import JobsError
from jobs.ledger import SPANS
from jobs.metrics import families
from jobs.metrics.families import Family
from jobs.options import Options
from jobs.retry import RetryPolicy
from jobs.up.plan import VARIABLES

ROOT = Path(__file__).resolve().parents[2]


def settings_table() -> Iterator[str]:
    """Every field of the platform's settings."""
    yield from ("| setting | variable | default | |", "|---|---|---|---|")
    for name, field in Settings.model_fields.items():
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"| `{name}` | `{_variable(name)}` | {_default(name, field)} | {meaning} |"


def _variable(name: str) -> str:
    """As `project/settings.py` makes it; a test compares."""
    if name == "REDIS_URL":
        return "CELERY_BROKER_URL"
    if name == "TRACES":
        return "OTEL_…"
    if name.startswith("REDIS_") and not Settings.is_duration(name):
        return name
    return f"JOBS_{name}_SECONDS" if Settings.is_duration(name) else f"JOBS_{name}"


def _default(name: str, field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "`redis://redis:6379/0`" if name == "REDIS_URL" else "none"
    if isinstance(value, timedelta):
        seconds = f"{value.total_seconds():g}"
        return f"`{seconds}`{_in_words(value)}"
    if value is None:
        return "none"
    if typing.get_origin(field.annotation) is tuple:
        return f"`{','.join(value)}`"
    return f"`{value}`"


def _in_words(value: timedelta) -> str:
    for size, word in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour")):
        if value >= size and not value % size:
            return f" ({value // size} {word}{'s' if value > size else ''})"
    return ""


def up_table() -> Iterator[str]:
    """What `make up` reads from the environment."""
    yield from ("| variable | what it says; what holds without it |", "|---|---|")
    for name, meaning in VARIABLES.items():
        yield f"| `{name}` | {meaning} |"


def problems_table() -> Iterator[str]:
    """Every error of the platform."""
    yield from ("| status | slug | title | `Retry-After` |", "|---|---|---|---|")
    for error in sorted(errors(), key=lambda error: (error.status, error.slug)):
        wait = "" if error.retry_after_seconds is None else f"{error.retry_after_seconds} s"
        yield f"| {error.status} | `{error.slug}` | {error.title()} | {wait} |"


def options_table() -> Iterator[str]:
    """Every option of `@task`."""
    yield from ("| option | default | means |", "|---|---|---|")
    for kind in (Options, RetryPolicy):
        for name, default, meaning in _documented(kind):
            yield f"| `{name}` | `{default}` | {meaning} |"


def _documented(kind: type) -> Iterator[tuple[str, str, str]]:
    """The fields of a dataclass with their defaults and docstrings, which only its source has."""
    [declared] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = declared.body if isinstance(declared, ast.ClassDef) else []
    for field, below in itertools.pairwise(body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as default),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, ast.unparse(default), " ".join(text.split()).replace("|", "\\|")


def errors(root: type[JobsError] = JobsError) -> Iterator[type[JobsError]]:
    """The whole tree of errors."""
    yield root
    for each in root.__subclasses__():
        yield from errors(each)


def metrics_table(told: Iterable[Family]) -> Iterator[str]:
    """Every metric of a page."""
    yield from ("| metric | labels | |", "|---|---|---|")
    for each in told:
        name = each.name if each.kind == "histogram" else each.series[0]
        labels = ", ".join(f"`{label}`" for label in each.labels)
        kind = "histogram, in seconds: " if each.kind == "histogram" else ""
        yield f"| `{name}` | {labels} | {kind}{each.help} |"


def spans() -> Iterator[str]:
    """The ends of the buckets, in a sentence's end."""
    *most, last = (f"{end.total_seconds():g}" for end in SPANS)
    yield f"{', '.join(most)} and {last} s."


GENERATED: dict[str, dict[str, Callable[[], Iterable[str]]]] = {
    "docs/reference/settings.md": {"settings": settings_table, "up": up_table},
    "docs/reference/tasks.md": {"options": options_table},
    "docs/reference/problems.md": {"problems": problems_table},
    "docs/reference/metrics.md": {
        "ledger": partial(metrics_table, families.OF_LEDGER),
        "spans": spans,
        "process": partial(metrics_table, families.OF_PROCESS),
        "worker": partial(metrics_table, families.OF_WORKER),
        "adapter": partial(metrics_table, families.OF_ADAPTER),
    },
}
"""Each page, and what makes its generated parts."""


def fresh(name: str) -> str:
    """A page with its generated parts as they should be."""
    text = (ROOT / name).read_text()
    for part, table in GENERATED[name].items():
        lines = "\n".join(table())
        text, count = re.subn(
            rf"(<!-- generated: {part} -->\n).*?(<!-- end -->)",
            lambda found, lines=lines: f"{found[1]}{lines}\n{found[2]}",  # type: ignore[misc]
            text, flags=re.DOTALL,
        )  # fmt: skip
        if count != 1:
            raise ValueError(f"{name}: no place for {part}")
    return text


if __name__ == "__main__":
    for name in GENERATED:
        (ROOT / name).write_text(fresh(name))
