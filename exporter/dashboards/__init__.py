"""Grafana dashboards for a config: those that come with the exporter, fitted to its labels, targets and addresses."""

from exporter.dashboards.bundle import bundled
from exporter.dashboards.fitting import fitted
from exporter.dashboards.outlook import BUNDLED, Outlook, outlook_of

__all__ = ["BUNDLED", "Outlook", "bundled", "fitted", "outlook_of"]
