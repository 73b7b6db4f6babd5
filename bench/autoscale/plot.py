"""The day as an SVG: what waits and how many pods there are, a row for each strategy, all on one scale."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.autoscale.day import HOUR, MINUTE, Day
from bench.autoscale.report import seconds, share_of, summary
from bench.autoscale.simulation import Outcome

WIDTH, LEFT, PANEL, GAP = 1080, 70, 430, 90
"""Of the whole, and across: margin, a panel, what is between the two panels of a row."""
TOP, ROW, HIGH = 112, 140, 84
"""Down: where the panels of the first row begin, a row, a panel."""
TITLE = "A day of jobs, and what each way to size the pool makes of it"
STEPS = (1, 2, 3, 6, 12, 24, 48, 168)
"""Hours between two marks."""
STYLE = """
svg { background: #fff; --text: #1f2328; --soft: #59636e; --line: #d1d9e0; --jobs: #bc4c00; --pods: #0969da }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; --text: #f0f6fc; --soft: #9198a1; --line: #3d444d }
  svg { --jobs: #f0883e; --pods: #4493f8 }
}
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--soft) }
.title { font-size: 16px; font-weight: 600; fill: var(--text) }
.name { font-size: 13px; font-weight: 600; fill: var(--text) }
.end { text-anchor: end } .middle { text-anchor: middle }
.line { stroke: var(--line) }
.jobs, .pods { stroke-width: 1.25; stroke-linejoin: round; fill-opacity: .18 }
.jobs { stroke: var(--jobs); fill: var(--jobs) } .pods { stroke: var(--pods); fill: var(--pods) }
"""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    left: float
    top: float
    seconds: int
    most: float
    """At the top."""
    logarithmic: bool = False
    width: float = PANEL

    def x(self, at: float) -> float:
        return self.left + min(at / self.seconds, 1) * self.width

    def y(self, value: float) -> float:
        scale: Callable[[float], float] = math.log1p if self.logarithmic else float
        return self.top + HIGH * (1 - scale(value) / scale(self.most))

    def marks(self) -> list[float]:
        """Round values between nothing and the top."""
        if self.logarithmic:
            return [0, *(10**power for power in range(1, 9) if 10**power <= self.most)]
        step = next(step for step in _round_steps() if self.most / step <= 4)
        return [step * number for number in range(math.floor(self.most / step) + 1)]

    def axes(self, unit: str, *, hours: bool) -> Iterator[str]:
        """Lines and numbers; those of the hours only where they are asked for."""
        middle, beside = self.top + HIGH / 2, self.left - 56
        turned = f'transform="rotate(-90 {beside} {middle})"'
        yield f'<text class="middle" x="{beside}" y="{middle}" {turned}>{unit}</text>'
        for value in self.marks():
            y, right = self.y(value), self.left + self.width
            yield f'<path class="line" d="M{self.left} {y:.1f}H{right}"/>'
            yield f'<text class="end" x="{self.left - 8}" y="{y + 4:.1f}">{value:,g}</text>'
        whole = self.seconds // HOUR
        step = next((step for step in STEPS if whole / step <= 8), STEPS[-1])
        for hour in range(0, whole + 1, step):
            x, bottom = self.x(hour * HOUR), self.top + HIGH
            yield f'<path class="line" d="M{x:.1f} {bottom}v4"/>'
            if hours:
                yield f'<text class="middle" x="{x:.1f}" y="{bottom + 18}">{hour}</text>'

    def thinned(self, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        """The highest of the points that fall on one pixel, within the day."""
        highest: dict[int, float] = {}
        for at, value in points:
            if at <= self.seconds:
                pixel = min(int(at / self.seconds * self.width), int(self.width) - 1)
                highest[pixel] = max(value, highest.get(pixel, 0))
        return [(pixel / self.width * self.seconds, value) for pixel, value in sorted(highest.items())]

    def area(self, points: Sequence[tuple[float, float]], kind: str) -> str:
        """What there is, in steps, filled down to nothing."""
        bottom = self.top + HIGH
        steps = "".join(f"H{self.x(at):.1f}V{self.y(value):.1f}" for at, value in points)
        end = self.x(points[-1][0] + self.seconds / self.width) if points else self.left
        return f'<path class="{kind}" d="M{self.left} {bottom}{steps}H{end:.1f}V{bottom}Z"/>'


def drawing(day: Day, outcomes: Sequence[Outcome]) -> str:
    """The SVG; it follows the reader's choice of light and dark."""
    high = TOP + ROW * len(outcomes) + HIGH + 72
    most_waiting = max((each.waiting for one in outcomes for each in one.samples), default=0)
    most_pods = max((each.pods for one in outcomes for each in one.samples), default=0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" role="img"',
        f' width="{WIDTH}" height="{high}" aria-label="{TITLE}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="32">{TITLE}</text>',
        f'<text x="{LEFT}" y="54">{escape(summary(day))}. Jobs are on a logarithmic scale.</text>',
        *_arrivals(day),
    ]
    most = max(most_waiting, 10), max(most_pods, 1)
    for place, outcome in enumerate(outcomes, 1):
        parts += _row(day, outcome, place, most, last=place == len(outcomes))
    for left in (LEFT, LEFT + PANEL + GAP):
        parts.append(
            f'<text class="middle" x="{left + PANEL / 2}" y="{high - 18}">hours since the start</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _arrivals(day: Day) -> Iterator[str]:
    minutes = [0] * (day.seconds // MINUTE + 1)
    for at in day.submitted:
        minutes[int(at // MINUTE)] += 1
    panel = Panel(
        left=LEFT,
        top=TOP,
        seconds=day.seconds,
        most=max(10, *minutes),
        logarithmic=True,
        width=2 * PANEL + GAP,
    )
    yield f'<text class="name" x="{LEFT}" y="{TOP - 14}">jobs that come</text>'
    yield from panel.axes("jobs a minute", hours=True)
    yield panel.area(panel.thinned((minute * MINUTE, jobs) for minute, jobs in enumerate(minutes)), "jobs")


def _row(day: Day, outcome: Outcome, place: int, most: tuple[int, int], *, last: bool) -> Iterator[str]:
    top, waits, name = TOP + 16 + ROW * place, sorted(outcome.waits), escape(outcome.strategy.name)
    waiting = Panel(left=LEFT, top=top, seconds=day.seconds, most=most[0], logarithmic=True)
    pods = Panel(left=LEFT + PANEL + GAP, top=top, seconds=day.seconds, most=most[1])
    for panel, title, told in (
        (waiting, "jobs that wait", f"wait, p95: {seconds(share_of(waits, 0.95))}"),
        (pods, "pods", f"{outcome.pod_seconds / HOUR:,.1f} pod-hours"),
    ):
        yield f'<text class="name" x="{panel.left}" y="{top - 14}">{name}</text>'
        yield f'<text class="end" x="{panel.left + PANEL}" y="{top - 14}">{told}</text>'
        yield from panel.axes(title, hours=last)
    yield waiting.area(waiting.thinned((each.at, each.waiting) for each in outcome.samples), "jobs")
    yield pods.area(pods.thinned((each.at, each.pods) for each in outcome.samples), "pods")


def _round_steps() -> Iterator[int]:
    for power in range(12):
        for digit in (1, 2, 5):
            yield digit * 10**power
