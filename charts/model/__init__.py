"""What the chart's values are, as models; `values.yaml`, its schema and the chart's README are made of them.

`make chart` writes all three anew.
"""
