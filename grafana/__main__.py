"""Writes the dashboards: `python -m grafana`."""

from grafana.build import write

write()
