"""Prometheus exporter for the event flow records of BlueKing Monitor."""

__version__ = "0.1.0"
