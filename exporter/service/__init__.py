"""The exporter as a whole: builds every room from the settings, runs them, reloads the settings, stops in order."""

from exporter.service.bounds import bounds
from exporter.service.reloader import Outcome, Reloader
from exporter.service.service import NeedsRestart, Service, Stopper

__all__ = ["NeedsRestart", "Outcome", "Reloader", "Service", "Stopper", "bounds"]
