"""Write the alerts and the dashboards."""

from charts.monitoring.write import CHART, FILES

for name, made in FILES.items():
    (CHART / name).parent.mkdir(parents=True, exist_ok=True)
    (CHART / name).write_text(made())
