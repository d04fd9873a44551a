"""Ack targets in the config: how they are read, and which of them no alert could have."""

from collections.abc import Callable

import pytest

from exporter.config import AckTargetSettings, ConfigError, Settings

Load = Callable[..., Settings]


def targets(load: Load, source_yaml: str, text: str) -> tuple[AckTargetSettings, ...]:
    """Return the targets of a config with `text` under ack_targets, in YAML's flow style."""
    return load(f"{source_yaml}        labels: {{team: payments}}\nack_targets: {text}\n").ack_targets


def test_targets_are_read_as_the_design_writes_them(load: Load, source_yaml: str) -> None:
    """In their order; the objective has a default, and without a match a target is for all."""
    read = targets(
        load, source_yaml, "[{match: {severity: fatal, team: payments}, within: 5m, objective: 0.95}, {within: 1h}]"
    )

    assert [(dict(t.match), t.within, t.objective) for t in read] == [
        ({"severity": "fatal", "team": "payments"}, 300.0, 0.95),
        ({}, 3600.0, 0.99),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[{match: {severity: 1}, within: 5m}]", "expected fatal, warning or remind, got 1 (did you mean fatal?)"),
        ("[{match: {severity: critical}, within: 5m}]", 'expected fatal, warning or remind, got "critical"'),
        (
            "[{match: {operate: ACK}, within: 5m}]",
            "no alert has this label; there are bk_biz_id, severity, source, team",
        ),
        ("[{match: {severity: fatal}}]", "ack_targets[0].within: required"),
        (
            "[{within: 5}, {within: 5m, match: {severity: fatal}}]",
            "ack_targets[1]: never reached: ack_targets[0] matches",
        ),
        ("[{within: 0}]", "expected at least 1s, got 0"),
        ("[{within: 5m, objective: 99}]", "expected a number above 0, at most 1, got 99"),
        ("[{within: 5m, objective: 0}]", "expected a number above 0, at most 1, got 0"),
        ("[{match: fatal, within: 5m}]", "expected a mapping, got a text"),
    ],
)
def test_a_target_that_no_alert_can_have_is_a_fault(load: Load, source_yaml: str, text: str, fault: str) -> None:
    """Each says what would be right."""
    with pytest.raises(ConfigError) as refused:
        targets(load, source_yaml, text)

    assert fault in str(refused.value)
    assert len(refused.value.faults) == 1


def test_a_watch_file_may_give_labels_that_the_config_does_not_name(load: Load, source_yaml: str) -> None:
    """What stands in the files is not known yet."""
    text = source_yaml.replace("alerts: [164239028644167]", "files: ['watch/*.yaml']")
    read = load(f"{text}ack_targets: [{{match: {{service: db}}, within: 5m}}]\n").ack_targets

    assert dict(read[0].match) == {"service": "db"}
