"""Write what is made of the models."""

from charts.model.write import CHART, FILES

for name, made in FILES.items():
    (CHART / name).write_text(made())
