"""Explains one alert: what each record of its flow adds to which metric, and how the ledger and the log differ."""

from exporter.explain.document import as_json
from exporter.explain.explaining import Case, explain
from exporter.explain.model import Explanation
from exporter.explain.text import as_text
from exporter.explain.times import Zones

__all__ = ["Case", "Explanation", "Zones", "as_json", "as_text", "explain"]
