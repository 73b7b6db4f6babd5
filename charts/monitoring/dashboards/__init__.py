"""The installation's pages in Grafana; `make chart` writes them into the chart's files.

`queries` words what Prometheus is asked, `panels` what shows an answer, `page` what holds panels; a module
for each page says what is on it.
"""
