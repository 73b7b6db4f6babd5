"""The ledger's Lua scripts: read from files, prefixed with what they share, known by their digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from jobs.conf import Settings
from jobs.ledger.tally import SPANS, lua_places

FOLDER = Path(__file__).parent / "lua"
_ORDER = ("shared", "lanes")
_DELAYING = (*_ORDER, "delayed")
_MEASURING = (*_DELAYING, "measure")
_LIFE = (*_MEASURING, "life")
_CLAIMING = (*_LIFE, "claiming")
PARTS: dict[str, tuple[str, ...]] = {
    "submit": _MEASURING, "claim": _CLAIMING, "finish": _CLAIMING, "renew": ("shared",), "release": _LIFE,
    "tick": _LIFE, "note": _LIFE, "cancel": _LIFE, "redrive": _LIFE, "discard": _LIFE, "pause": _ORDER,
    "count": ("shared", "delayed"), "know": ("shared",), "limit": _ORDER, "keep": ("shared",),
    "load": _DELAYING,
}  # fmt: skip
"""Every script, and what is prefixed to it."""

BELL_TASK = "jobs.ring"
"""The platform task that a bell names."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """One script as Redis runs it."""

    name: str
    source: str
    digest: str


def bell() -> str:
    """A bell with `$ID$` and `$QUEUE$` to fill in: a Celery message of protocol 2, as kombu frames it."""
    body = [["$QUOTED$"], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    return json.dumps({
        "body": json.dumps(body),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py", "task": BELL_TASK, "id": "$ID$", "root_id": "$ID$", "parent_id": None,
            "group": None, "argsrepr": "('$QUEUE$',)", "kwargsrepr": "{}", "ignore_result": True,
        },
        "properties": {
            "correlation_id": "$ID$", "reply_to": "", "delivery_mode": 1, "priority": 0,
            "delivery_tag": "$ID$",
            "delivery_info": {"exchange": "", "routing_key": "$QUEUE$"},
        },
    })  # fmt: skip


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def _table(numbers: Mapping[str, int | None]) -> str:
    """A Lua table of the numbers that are there."""
    pairs = [f"[{_quoted(name)}]={number}" for name, number in numbers.items() if number is not None]
    return f"{{{','.join(pairs)}}}"


def _quoted(text: str) -> str:
    """Any text as a Lua string: its bytes by number."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'


def _constants(settings: Settings) -> dict[str, str]:
    return {
        "@PREFIX@": settings.PREFIX,
        "@LEASE_US@": str(_microseconds(settings.LEASE)),
        "@AGEING_US@": str(_microseconds(settings.PRIORITY_AGEING)),
        "@LOST_LIMIT@": str(settings.LOST_LIMIT),
        "@SUCCESS_TTL_MS@": str(_microseconds(settings.RESULT_TTL) // 1000),
        "@FAILURE_TTL_MS@": str(_microseconds(settings.FAILURE_TTL) // 1000),
        "@GONE_TTL_MS@": str(_microseconds(settings.GONE_TTL) // 1000),
        "@ONCE_TTL_MS@": str(_microseconds(settings.IDEMPOTENCY_TTL) // 1000),
        "@QUEUE_MAX_RUNNING@": _table({each.name: each.max_running for each in settings.QUEUES}),
        "@QUEUE_MAX_LENGTH@": _table({each.name: each.max_length for each in settings.QUEUES}),
        "@MEMORY_GUARD@": str(settings.MEMORY_GUARD),
        "@MEASURES@": str(settings.MEASURES).lower(),
        "@PLACES@": lua_places(),
        "@SPANS_US@": f"{{{','.join(str(_microseconds(end)) for end in SPANS)}}}",
        "@BELL@": bell(),
    }


@cache
def load(settings: Settings) -> dict[str, Script]:
    """Every script by name, with these settings in its constants."""
    scripts = {}
    for name, parts in PARTS.items():
        first, _, rest = (FOLDER / f"{name}.lua").read_text().partition("\n")
        source = "".join([f"{first}\n", *((FOLDER / f"{part}.lua").read_text() for part in parts), rest])
        for constant, value in _constants(settings).items():
            source = source.replace(constant, value)
        digest = hashlib.sha1(source.encode()).hexdigest()  # noqa: S324 - Redis's own name for a script
        scripts[name] = Script(name=name, source=source, digest=digest)
    return scripts
