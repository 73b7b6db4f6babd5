"""What Prometheus is asked: the platform's metrics, narrowed to what a page is about.

The ledger's numbers are the whole installation's and come from one target, so that their series are added
up; an API pod's are its own, and are added up too.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Query:
    """An expression, and the name of each series that it gives."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The selectors that a page's variables fill in; a metric's name here is without `taskbell_`."""

    narrowed: str

    def now(self, name: str, *more: str) -> str:
        return f"taskbell_{name}{{{','.join((self.narrowed, *more))}}}"

    def rate(self, name: str, *more: str) -> str:
        """Of a counter, a second."""
        return f"rate({self.now(name, *more)}[$__rate_interval])"

    def within(self, name: str, *more: str) -> str:
        """What a counter rose by in the time that the page shows."""
        return f"increase({self.now(name, *more)}[$__range])"

    def quantile(self, share: float, name: str, *by: str) -> str:
        """The seconds that a share of the histogram's took at most."""
        summed = f"sum by ({', '.join(('le', *by))}) ({self.rate(f'{name}_seconds_bucket')})"
        return f"histogram_quantile({share}, {summed})"

    def spread(self, name: str) -> tuple[Query, ...]:
        """A histogram as lines: half, nearly all, all but one of a hundred, and the mean."""
        quantiles = [
            Query(expr=self.quantile(share, name), legend=f"{share:.0%}") for share in (0.5, 0.95, 0.99)
        ]
        sums = [f"sum({self.rate(f'{name}_seconds_{part}')})" for part in ("sum", "count")]
        return (*quantiles, Query(expr=" / ".join(sums), legend="mean"))

    def buckets(self, name: str) -> Query:
        """A histogram's buckets, for a heatmap."""
        return Query(
            expr=f"sum by (le) (increase({self.now(f'{name}_seconds_bucket')}[$__rate_interval]))",
            legend="{{le}}",
        )


def added(of: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) ({of})" if by else f"sum({of})"


def share(part: str, whole: str, *by: str) -> str:
    """The part of the whole; 0 where nothing of the part has happened yet, and nothing where nothing has."""
    none = f"0 * {added(whole, *by)}"
    return f"({added(part, *by)} or {none}) / ({added(whole, *by)} > 0)"
