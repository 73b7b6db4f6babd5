"""Write the dashboards."""

from charts.monitoring.dashboards.write import DASHBOARDS, FILES

DASHBOARDS.mkdir(parents=True, exist_ok=True)
for name, made in FILES.items():
    (DASHBOARDS / name).write_text(made())
