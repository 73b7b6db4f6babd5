"""Write what is made of the alerts."""

from charts.monitoring.write import CHART, FILES

for name, made in FILES.items():
    (CHART / name).parent.mkdir(exist_ok=True)
    (CHART / name).write_text(made())
