"""A run from its first submit to its figures."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.chaos.asking import ask_all
from jobs.chaos.books import Books
from jobs.chaos.cancels import Canceller
from jobs.chaos.counted import Counted
from jobs.chaos.figures import Figures, reckon
from jobs.chaos.kinds import plan_jobs
from jobs.chaos.lives import PATH, life_of
from jobs.chaos.load import Load
from jobs.chaos.plan import CannotRun, Plan
from jobs.chaos.probe import Abilities, probe
from jobs.chaos.reconcile import reconcile
from jobs.chaos.rig import Rig
from jobs.chaos.sampler import Sampler
from jobs.chaos.schedule import Storm
from jobs.chaos.screen import Screen
from jobs.chaos.settle import settle
from jobs.chaos.strikes import Strikes
from jobs.chaos.subject import Subject
from jobs.chaos.witness import Effect, by_job, read

LOOK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a run is done to."""

    subject: Subject
    urls: Sequence[str]
    witness: Path
    rig: Rig | None
    """None for an installation that others run, and strike."""


class Run:
    """One run."""

    def __init__(self, plan: Plan, target: Target, run: str, screen: Screen) -> None:
        self._plan = plan
        self._target = target
        self._run = run
        self._screen = screen
        self._books = Books()
        self._strikes = target.rig.strikes if target.rig else Strikes()

    def go(self) -> Figures:
        """Run it.

        Raises:
            CannotRun: it could not start, or not go on.
        """
        target, began = self._target, time.monotonic()
        abilities = probe(target.urls, self._run)
        if not abilities.cancels:
            self._screen.line("cancels: not in this release")
        before = target.subject.counted() if target.rig else None
        sampler = self._sampler()
        canceller = Canceller(target.urls, self._run, self._books) if abilities.cancels else None
        load = Load(target.urls, self._books, self._run, canceller)
        storm = self._storm(sampler)
        try:
            self._strike(sampler, load, storm, canceller)
            figures = self._settled(sampler, before)
        finally:
            load.stop()
            sampler.stop()
        return self._finished(figures, sampler, abilities, canceller, time.monotonic() - began)

    def _sampler(self) -> Sampler:
        if (first := self._target.subject.tally()) is None:
            raise CannotRun("Redis does not answer")
        sampler = Sampler(self._target.subject, first)
        sampler.start()
        return sampler

    def _storm(self, sampler: Sampler) -> Storm | None:
        rig = self._target.rig
        return Storm(self._plan, rig.faults, lambda: sampler.ended, rig.strikes) if rig else None

    def _strike(self, sampler: Sampler, load: Load, storm: Storm | None, canceller: Canceller | None) -> None:
        """Submit, kill and cancel, until all of it is done."""
        jobs = plan_jobs(self._run, self._plan.jobs, self._plan.seed)
        load.start(jobs, lambda: self._books.accepted - sampler.ended < self._plan.outstanding)
        threads = [thread for thread in (storm, canceller) if thread is not None]
        for thread in threads:
            thread.start()
        try:
            while not (load.is_done and (not storm or storm.over.is_set())
                       and (not canceller or canceller.is_done)):  # fmt: skip
                self._show(sampler, storm)
                if fault := load.fault or (storm and storm.fault):
                    raise fault
                time.sleep(LOOK_SECONDS)
        finally:
            if storm:
                storm.over.set()
                storm.join()
            if canceller:
                canceller.stop()
        if self._target.rig:
            self._target.rig.calm()

    def _settled(self, sampler: Sampler, before: Counted | None) -> Figures:
        """Wait for the end of all jobs, and hear what came of each."""
        target, patience = self._target, self._target.subject.patience
        known = {entry.task_id for entry in self._books.entries.values() if entry.accepted is not None}

        def show(left: int) -> None:
            self._screen.progress(1 - left / self._plan.jobs, f"waiting for {left:,} jobs to end")

        told = settle(target.urls, known, patience, show)
        if target.rig:
            self._wait_for_unseen(sampler)
        unseen = {effect.task_id for effect in read(target.witness)} - known
        told |= settle(target.urls, unseen, patience, show)
        left = [task_id for task_id, each in told.items() if not each.is_final]
        figures = Figures(subject=target.subject.name)
        figures.doubled = 0 if target.rig else None
        figures.witnessed = target.witness.exists()
        remaining = target.subject.remaining(left)
        attempts = by_job(read(target.witness))
        reckon(figures, self._books, attempts, told, self._strikes, remaining)
        if target.rig and before is not None:
            self._reconcile(figures, target.rig, before, told, attempts)
        return figures

    def _reconcile(
        self, figures: Figures, rig: Rig, before: Counted, task_ids: Collection[str],
        attempts: Mapping[str, Sequence[Effect]],
    ) -> None:  # fmt: skip
        """Hold what was counted since then against all else that is known."""
        rig.deaths.finish()
        self._screen.progress(1, f"reading the attempts of {len(task_ids):,} jobs")
        told = ask_all(rig.urls, PATH, task_ids)
        counted = rig.subject.counted() or Counter()
        counted.subtract(before)
        lives = {task_id: life_of(each) for task_id, each in told.items() if each}
        reconcile(figures, counted, lives, attempts, rig.deaths, rig.strikes.all)

    def _wait_for_unseen(self, sampler: Sampler) -> None:
        """Jobs whose submit was not answered may have been accepted, and are still to run."""
        until, open_jobs = 0.0, -1
        while (left := sampler.last.accepted - sampler.last.ended) > 0:
            if left != open_jobs:
                until, open_jobs = time.monotonic() + self._target.subject.patience.total_seconds(), left
            if time.monotonic() > until:
                break
            time.sleep(LOOK_SECONDS)

    def _finished(
        self, figures: Figures, sampler: Sampler, abilities: Abilities, canceller: Canceller | None,
        seconds: float,
    ) -> Figures:  # fmt: skip
        rig = self._target.rig
        figures.seconds = seconds
        figures.idempotent = abilities.idempotent
        figures.cancels = {str(each): n for each, n in canceller.answers.items()} if canceller else None
        figures.gap_at_end, figures.gap_largest = sampler.last.gap, sampler.largest_gap
        figures.gap_samples = sampler.samples
        figures.faults = self._strikes.done
        if rig:
            figures.replies_lost = rig.replies_lost
            figures.ended_by_themselves = rig.ended_by_themselves
        return figures

    def _show(self, sampler: Sampler, storm: Storm | None) -> None:
        plan, done = self._plan, self._strikes.done
        kills = sum(number for name, number in done.items() if name.endswith("killed"))
        struck = f" · {kills - done.get('Redis killed', 0)} of {plan.kills} kills" if storm else ""
        struck += f" · {done.get('Redis killed', 0)} of {plan.redis_restarts} Redis kills" if storm else ""
        gap = "" if sampler.last.gap is None else f" · gap {sampler.last.gap}"
        self._screen.progress(
            sampler.ended / plan.jobs,
            f"{self._target.subject.name}: {self._books.accepted:,} accepted · {sampler.ended:,} ended"
            f" of {plan.jobs:,}{struck}{gap} (largest {sampler.largest_gap or 0})",
        )
