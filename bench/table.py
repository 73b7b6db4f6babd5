"""What a measurement says: medians and ratios as a table."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median

from measure import Run

STOCK = "stock Celery"
NUMBERS = tuple(field.name for field in fields(Run) if field.type is float)
HEAD = (
    "worker", "-c", "jobs/s", "slowest – fastest", "x stock", "x stock by CPU", "worker us/job",
    "Redis us/job", "commands/job", "reads/job", "other cores", "stolen",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """All runs of one worker with one number of processes."""

    contender: str
    processes: int
    runs: int
    medians: dict[str, float]
    slowest: float
    fastest: float
    times_stock: float | None
    """Its rate beside stock Celery's with as many processes; None where that was not measured."""
    times_stock_by_cpu: float | None
    """The same of the jobs that a second of CPU does, worker and Redis: what other processes on the
    machine hardly touch."""


def line(number: int, run: Run) -> str:
    """One run."""
    return (
        f"round {number}  {run.contender:<26} -c {run.processes}  {run.per_second:7,.0f}/s"
        f"  worker {run.worker_us:5.0f} us  Redis {run.redis_us:4.0f} us"
        f"  others {run.other_cores:.2f} cores  stolen {run.stolen:.1%}"
    )


def summary(runs: Sequence[Run]) -> list[Row]:
    """A row for each worker and number of processes, the slowest first."""
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.processes, run.contender), []).append(run)
    rows = [_row(some, groups.get((processes, STOCK))) for (processes, _), some in groups.items()]
    return sorted(rows, key=lambda row: (row.processes, row.medians["per_second"]))


def _row(runs: Sequence[Run], stock: Sequence[Run] | None) -> Row:
    medians, rates = _medians(runs), [run.per_second for run in runs]
    base = _medians(stock) if stock else None
    return Row(
        contender=runs[0].contender, processes=runs[0].processes, runs=len(runs), medians=medians,
        slowest=min(rates), fastest=max(rates),
        times_stock=medians["per_second"] / base["per_second"] if base else None,
        times_stock_by_cpu=_cpu(base) / _cpu(medians) if base else None,
    )  # fmt: skip


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    return {name: median(getattr(run, name) for run in runs) for name in NUMBERS}


def _cpu(medians: dict[str, float]) -> float:
    return medians["worker_us"] + medians["redis_us"]


def table(runs: Sequence[Run]) -> str:
    """The summary, for people; it is Markdown."""
    lines = [HEAD, ("---", *["--:"] * (len(HEAD) - 1))]
    for row in summary(runs):
        found = row.medians
        lines.append((
            row.contender, str(row.processes), f"{found['per_second']:,.0f}",
            f"{row.slowest:,.0f} – {row.fastest:,.0f}", _times(row.times_stock),
            _times(row.times_stock_by_cpu), f"{found['worker_us']:.0f}", f"{found['redis_us']:.0f}",
            f"{found['commands']:.1f}", f"{found['reads']:.1f}",
            f"{found['other_cores']:.2f}", f"{found['stolen']:.1%}",
        ))  # fmt: skip
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"
