"""What the chart's values are, as models; `values.yaml`, its schema and the chart's README are made of them.

`python -m charts.model` writes all three anew.
"""
