"""The API's requests: each pod counts its own, and here they are added up."""

from charts.monitoring.dashboards.page import Page, Row
from charts.monitoring.dashboards.panels import Column, Says, heatmap, lines, stat, table
from charts.monitoring.dashboards.queries import Query, added, share
from charts.monitoring.dashboards.variables import API, REQUESTS

_COUNT, _TIME = "http_requests_total", "http_request"
_REFUSED, _BROKEN = 'status=~"4.."', 'status=~"5.."'
_ALARM = {0.001: "orange", 0.01: "red"}


def _share(of: str, *by: str) -> str:
    return share(REQUESTS.rate(_COUNT, of), REQUESTS.rate(_COUNT), *by)


_NOW = (
    stat(Says(title="Requests a second", unit="ops"), Query(expr=added(REQUESTS.rate(_COUNT)))),
    stat(
        Says(title="Errors", unit="percentunit", none="no requests", more="Answered with 5xx."),
        Query(expr=_share(_BROKEN)),
        steps=_ALARM,
    ),
    stat(
        Says(title="Refused", unit="percentunit", none="no requests", more="Answered with 4xx."),
        Query(expr=_share(_REFUSED)),
    ),
    stat(Says(title="95% within", unit="s", none="no requests"), Query(expr=REQUESTS.quantile(0.95, _TIME))),
    stat(
        Says(title="Pods", none="0", more="API pods that Prometheus reads."),
        Query(expr=f"count(max by (instance) ({REQUESTS.now(_COUNT)}))"),
    ),
    stat(
        Says(title="At once", more="Requests that were being answered, on average."),
        Query(expr=added(REQUESTS.rate(f"{_TIME}_seconds_sum"))),
    ),
)

_RATES = (
    lines(
        Says(title="By route", unit="ops", more="(none): no route fits."),
        Query(expr=added(REQUESTS.rate(_COUNT), "method", "route"), legend="{{method}} {{route}}"),
        stacked=True,
    ),
    lines(
        Says(title="By status", unit="ops"),
        Query(expr=added(REQUESTS.rate(_COUNT), "status"), legend="{{status}}"),
        stacked=True,
    ),
)
_WRONG = (
    lines(
        Says(title="Share of errors", unit="percentunit", more="Answered with 5xx, and with 4xx."),
        Query(expr=_share(_BROKEN), legend="5xx"),
        Query(expr=_share(_REFUSED), legend="4xx"),
    ),
    lines(
        Says(title="Errors a second, by route", unit="ops", more="Answered with 5xx."),
        Query(expr=added(REQUESTS.rate(_COUNT, _BROKEN), "method", "route"), legend="{{method}} {{route}}"),
    ),
    lines(
        Says(title="By pod", unit="ops"),
        Query(expr=added(REQUESTS.rate(_COUNT), "instance"), legend="{{instance}}"),
    ),
)
_TIMES = (
    lines(
        Says(title="Time to answer", unit="s", more="From when a request is read to its answer."),
        *REQUESTS.spread(_TIME),
    ),
    lines(
        Says(title="95%, by route", unit="s"),
        Query(expr=REQUESTS.quantile(0.95, _TIME, "method", "route"), legend="{{method}} {{route}}"),
    ),
    heatmap(
        Says(title="Time to answer, spread", unit="s", more="How many took how long."),
        REQUESTS.buckets(_TIME),
    ),
)
_ROUTES = table(
    Says(title="Routes", more="Now."),
    ("method", "route"),
    Column(name="a second", unit="ops", expr=added(REQUESTS.rate(_COUNT), "method", "route")),
    Column(name="5xx", unit="percentunit", expr=_share(_BROKEN, "method", "route"), steps=_ALARM),
    Column(name="4xx", unit="percentunit", expr=_share(_REFUSED, "method", "route")),
    *(
        Column(name=f"{part:.0%}", unit="s", expr=REQUESTS.quantile(part, _TIME, "method", "route"))
        for part in (0.5, 0.95, 0.99)
    ),
)

PAGE = Page(
    uid="taskbell-http",
    title="taskbell / HTTP",
    about="The API's requests: how many, how they were answered, how fast; all pods together.",
    variables=API,
    rows=(
        Row(panels=_NOW, height=4),
        Row(panels=_RATES),
        Row(panels=_WRONG),
        Row(heading="How fast", panels=_TIMES),
        Row(panels=(_ROUTES,), height=10),
    ),
)
