"""Prometheus rules for a config: what is recorded, what is alerted on, as one document that Prometheus loads."""

from exporter.rules.document import RUNBOOKS, rule_groups, rules_document

__all__ = ["RUNBOOKS", "rule_groups", "rules_document"]
