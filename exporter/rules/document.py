"""The rules of a config as one document: every group, and what a reader should know of where they came from."""

from exporter.config import Settings
from exporter.rules.freshness import Patience, freshness, patience
from exporter.rules.health import health
from exporter.rules.increases import (
    ACK_BUCKETS,
    ACK_QUANTILE,
    ACK_RATIO,
    ACKED_IN,
    ENDED,
    QUANTILES,
    ack_buckets,
    ack_quantile,
    ack_ratio,
    ended,
)
from exporter.rules.objective import objectives
from exporter.rules.rule import Group, Recording, write
from exporter.rules.targets import Target, ordered_targets
from exporter.rules.unacked import unacked
from exporter.rules.usual import surges

RUNBOOKS = "https://bkmonitor-flow-exporter.example.com/docs/runbooks"
"""Where the runbooks are said to be, until somebody serves them somewhere and says where."""

_HEADER = """\
# Recording and alerting rules for bkmonitor-flow-exporter: Prometheus 2.42 or newer loads this file as it is.
# Made by `bkmonitor-flow-exporter rules`, for these ack targets: {targets}.
# After a change of the config make it anew. docs/rules.md explains the rules.
"""


def rules_document(settings: Settings, runbooks: str = RUNBOOKS) -> str:
    """Return the rules of a config, in YAML; their runbooks are pages below the address `runbooks`."""
    targets = ordered_targets(settings.ack_targets)
    told = "; ".join(f"{' '.join(target.name.split())} within {target.time}" for target in targets)
    return _HEADER.format(targets=told or "none, so there are no rules about acknowledging in time") + write(
        rule_groups(settings), runbooks.rstrip("/")
    )


def rule_groups(settings: Settings) -> tuple[Group, ...]:
    """Return the rules of a config; those about ack targets only where it has some."""
    targets, patient = ordered_targets(settings.ack_targets), patience(settings)
    groups = (_alerts(settings, targets, patient), _latencies())
    return (*groups, *([objectives(targets, patient)] if targets else []), surges(patient), health(patient))


def _alerts(settings: Settings, targets: list[Target], patient: Patience) -> Group:
    recorded = freshness(patient)
    single = (unacked(target, patient, settings.web.alert_url) for target in targets)
    return Group(recorded.name, (*recorded.rules, *single))


def _latencies() -> Group:
    rules: list[Recording] = []
    for window in ACKED_IN:
        rules.append(Recording(ACK_BUCKETS.format(window=window), ack_buckets(window)))
        for quantile in QUANTILES:
            name = ACK_QUANTILE.format(percent=round(100 * quantile), window=window)
            rules.append(Recording(name, ack_quantile(quantile, window)))
        rules.append(Recording(ENDED.format(window=window), ended(window)))
        rules.append(Recording(ACK_RATIO.format(window=window), ack_ratio(window)))
    return Group("bkmonitor-flow-acknowledgements", tuple(rules), interval="2m")
