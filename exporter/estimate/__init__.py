"""How many series a config would make on the alerts that its watches see now, before anyone deploys it."""

from exporter.estimate.asking import SeenSource, see_source
from exporter.estimate.counting import Estimate, estimate
from exporter.estimate.own import own_row
from exporter.estimate.report import as_json, as_text
from exporter.estimate.rules import Layout, Row

__all__ = ["Estimate", "Layout", "Row", "SeenSource", "as_json", "as_text", "estimate", "own_row", "see_source"]
