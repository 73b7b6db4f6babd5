"""The command."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.autoscale.behavior import WrongValue
from bench.autoscale.day import Day, Weather, made, read
from bench.autoscale.fleet import Cluster
from bench.autoscale.options import parsed
from bench.autoscale.plot import drawing
from bench.autoscale.report import remarks, summary, table
from bench.autoscale.simulation import Outcome, Simulation
from bench.autoscale.strategies import Strategy, strategies
from bench.autoscale.values import chart_pool, users_pool
from bench.progress import progress


def day_of(options: argparse.Namespace) -> Day:
    """The user's own day, or one that is made up."""
    if options.arrivals:
        return read(options.arrivals)
    return made(Weather(
        jobs=options.jobs, median=options.median, p99=options.p99, swing=options.swing, quiet=options.quiet,
        bursts=options.bursts, burst_share=options.burst_share, burst_seconds=options.burst_seconds,
    ), options.seed)  # fmt: skip


def outcome_of(day: Day, strategy: Strategy, options: argparse.Namespace) -> Outcome:
    """Let a strategy have the day."""
    cluster = Cluster(
        start=options.start, room=options.room, node=options.node, deletion_cost=options.deletion_cost
    )
    jobs = len(day.submitted)
    simulation = Simulation(day, strategy, cluster, options.cpu_share)
    return simulation.run(lambda done: progress(f"{strategy.name}: {done:,} of {jobs:,} jobs"))


def main(options: argparse.Namespace) -> None:
    """Simulate each strategy, print the table and draw the plot."""
    day = day_of(options)
    pools = [chart_pool(), *(users_pool(path, options.pool) for path in options.values)]
    outcomes = [outcome_of(day, strategy, options) for strategy in strategies(day, pools)]
    progress("")
    parts = summary(day), table(outcomes, options.objective), "\n".join(remarks(day, outcomes))
    print("\n\n".join(part for part in parts if part))
    if options.plot:
        try:
            options.plot.write_text(drawing(day, outcomes))
        except OSError as error:
            raise WrongValue(f"{options.plot}: cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    try:
        main(parsed())
    except WrongValue as wrong:
        sys.exit(f"autoscale: {wrong}")
