"""The command line: it teaches, and refuses what makes no sense."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from bench.autoscale.day import Weather
from bench.autoscale.fleet import Cluster

TEXT = """\
Replay a day of jobs, in seconds, against ways to size a pool of workers, and print what each would have made
of it: how long jobs waited, and what the pods cost. Choose the values of your chart with it.

Compared are: an autoscaler by backlog (waiting and running jobs) with the chart's own values, and with each
file of yours (--values); one by CPU; and pools fixed at the fewest pods, at the most, and at as many as the
day needs on average. CPU and fixed sizes are as the last file says."""
MORE = """\
examples:
  python bench/autoscale                                      the chart's values, a day that is made up
  python bench/autoscale --values my-values.yaml              yours beside them
  python bench/autoscale --values a.yaml --values b.yaml      two ideas side by side
  python bench/autoscale --arrivals jobs.csv --plot day.svg   a day of yours, drawn

Of a file of values it reads, of `worker` and of the pool that --pool names: `concurrency`,
`resources.requests.cpu`, `shutdown.seconds`, and of `autoscaling` what there is of minReplicas, maxReplicas,
behavior, target (jobs a pod, waiting and running; 0.8 of its slots where it is not said),
targetCPUUtilizationPercentage.
What a file leaves out is as in charts/taskbell/values.yaml.

What it leaves out, and how to read the table: docs/howto/autoscaling-values.md."""


class Parser(argparse.ArgumentParser):
    """One that says what is wrong in one line, without all its options around it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"autoscale: {message}\n")


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options; the process ends where they are wrong."""
    parser = Parser(
        prog="python bench/autoscale", description=TEXT, epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    _day(parser.add_argument_group("the day"))
    _workers(parser.add_argument_group("the workers"))
    output = parser.add_argument_group("the answer")
    _add(
        output,
        "--objective",
        seconds,
        30,
        "how long a job may wait: the table says which share waits no longer",
    )
    output.add_argument(
        "--plot", type=Path, metavar="FILE.svg", help="draw what waits and the pods over the day"
    )
    options = parser.parse_args(arguments)
    if options.p99 < options.median:
        parser.error("--p99 is below --median")
    if options.pool and not options.values:
        parser.error("--pool names a pool of the files that --values names")
    return options


def _day(group: argparse._ArgumentGroup) -> None:
    usual = Weather()
    group.add_argument(
        "--arrivals", type=Path, metavar="FILE.csv",
        help="lines of `seconds,duration`: when a job came, since midnight or 1970, and how long it ran; the"
        " other options of the day, but for --cpu-share, are for a day that is made up",
    )  # fmt: skip
    _add(group, "--seed", count, 1, "the same seed, the same day", "N")
    _add(group, "--jobs", some, usual.jobs, "jobs of the day", "N")
    _add(group, "--median", positive, usual.median, "half of the jobs run for less")
    _add(group, "--p99", positive, usual.p99, "99 of 100 jobs run for less: the longer, the longer the tail")
    _add(
        group,
        "--swing",
        share,
        usual.swing,
        "of the daily curve: 0 is flat; at 1 the night is still",
        "SHARE",
    )
    group.add_argument(
        "--quiet", type=hours, default=usual.quiet, metavar="FROM-TO",
        help="hours in which hardly anything comes, or `none` (default: 1-5)",
    )  # fmt: skip
    _add(group, "--bursts", count, usual.bursts, "how often many jobs come at once, at random times", "N")
    _add(group, "--burst-share", share, usual.burst_share, "of all jobs: how many come in bursts", "SHARE")
    _add(group, "--burst-seconds", positive, usual.burst_seconds, "how long a burst goes on")
    _add(
        group, "--cpu-share", share, 0.1, "of a job's time: how much of it needs a CPU; what waits for others"
        " (databases, other services) needs little, what computes needs 1", "SHARE",
    )  # fmt: skip


def _workers(group: argparse._ArgumentGroup) -> None:
    usual = Cluster()
    group.add_argument(
        "--values", type=Path, action="append", default=[], metavar="FILE.yaml",
        help="values as for `helm install --values`; each that is given is compared",
    )  # fmt: skip
    group.add_argument(
        "--pool", metavar="NAME", help="the pool of `worker.pools`, where it has values of its own"
    )
    _add(group, "--start", seconds, usual.start, "until a new pod is ready, on a node that has the image")
    group.add_argument(
        "--room",
        type=count,
        metavar="PODS",
        help="how many pods fit on the nodes that are there (default: all)",
    )
    _add(group, "--node", seconds, usual.node, "what a pod beyond --room takes longer: a node, and the image")
    group.add_argument(
        "--deletion-cost", action="store_true",
        help="pods with the fewest jobs go first (`pod-deletion-cost`), and not just the youngest",
    )  # fmt: skip


def _add(
    group: argparse._ArgumentGroup, name: str, kind: Callable[[str], float], default: float, text: str,
    metavar: str = "SECONDS",
) -> None:  # fmt: skip
    group.add_argument(
        name, type=kind, default=default, metavar=metavar, help=f"{text} (default: %(default)s)"
    )


def seconds(text: str) -> float:
    """A duration from 0."""
    return _number(text, "is no number of seconds from 0", 0, math.inf)


def positive(text: str) -> float:
    """A duration above 0."""
    return _number(text, "is no number of seconds above 0", math.ulp(0), math.inf)


def share(text: str) -> float:
    """From 0 to 1."""
    return _number(text, "is no share from 0 to 1", 0, 1)


def count(text: str) -> int:
    """A whole number from 0."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def some(text: str) -> int:
    """A whole number above 0."""
    if not (number := count(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return number


def hours(text: str) -> tuple[float, float] | None:
    """`1-5`, or None for `none`."""
    if text == "none":
        return None
    start, _, end = text.partition("-")
    wrong = "is not as `1-5`: two hours of the day, the first before the second"
    first, last = (_number(hour, wrong, 0, 24) for hour in (start, end))
    if first >= last:
        raise argparse.ArgumentTypeError(f"{text!r} {wrong}")
    return first, last


def _number(text: str, wrong: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most or number == math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} {wrong}")
    return number
