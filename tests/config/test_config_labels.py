"""Labels in the config: fields, the lists of their values, and how many series they may make."""

from collections.abc import Callable

import pytest

from exporter.config import LabelSettings, Settings, json_schema

Load = Callable[..., Settings]
Refuse = Callable[..., str]


def test_a_field_may_be_a_name_or_a_mapping(load: Load, source_yaml: str) -> None:
    """In their order; listed values are texts, whatever they are written as."""
    text = "labels: [severity, {field: bk_biz_id}, {field: strategy_id, only: [169, '0170', 1.5]}]"
    settings = load(f"{source_yaml}\n{text}\n")

    assert settings.labels == (
        LabelSettings(field="severity"),
        LabelSettings(field="bk_biz_id"),
        LabelSettings(field="strategy_id", only=("169", "0170", "1.5")),
    )
    assert settings.label_names == ("severity", "bk_biz_id", "strategy_id")


def test_no_field_need_be_a_label(load: Load, source_yaml: str) -> None:
    """An empty list is none, and no list is the default."""
    assert load(f"{source_yaml}\nlabels: []\n").labels == ()
    assert load(source_yaml).label_names == ("bk_biz_id", "severity")


@pytest.mark.parametrize(("text", "value"), [("169", "169"), ("1690", "other"), ("other", "other"), ("", "")])
def test_a_value_that_is_not_listed_becomes_other(text: str, value: str) -> None:
    """An empty one stays empty, and makes no label."""
    assert LabelSettings(field="strategy_id", only=("169", "170")).value_of(text) == value


def test_without_a_list_each_value_is_the_labels() -> None:
    """Whatever it is."""
    assert LabelSettings(field="alert_name").value_of("磁盘") == "磁盘"


@pytest.mark.parametrize("value", ["169", "other"])
def test_an_ack_target_may_name_what_is_listed_and_other(load: Load, source_yaml: str, value: str) -> None:
    """Alerts have these values; beyond the limit of label sets any label may be `other`."""
    target = f"{{match: {{strategy_id: {value}, severity: other}}, within: 5m}}"
    text = f"labels: [severity, {{field: strategy_id, only: [169]}}]\nack_targets: [{target}]\n"

    assert load(f"{source_yaml}\n{text}").ack_targets[0].match["strategy_id"] == value


def test_an_ack_target_for_what_is_not_listed_is_a_fault(refuse: Refuse, source_yaml: str) -> None:
    """No alert could have it."""
    text = "labels: [{field: strategy_id, only: [169]}]\nack_targets: [{match: {strategy_id: 170}, within: 5m}]\n"

    assert "no alert has this value; under labels there are only 169, other" in refuse(f"{source_yaml}\n{text}")


def test_a_field_with_a_list_is_no_label_of_a_watch(load: Load, refuse: Refuse, source_yaml: str) -> None:
    """As one that is chosen by its name alone; the address of an alert's page may have it."""
    text = f"{source_yaml}        labels: {{category: a}}\nlabels: [{{field: category, only: [os]}}]\n"

    assert "labels.category: clashes with this field of the alert" in refuse(text)
    assert load(f"{source_yaml}\nlabels: [{{field: category}}]\nweb: {{alert_url: 'http://a/{{category}}'}}\n")


def test_editors_know_both_ways_to_choose_a_field() -> None:
    """A name of the known ones, or the mapping."""
    labels = json_schema()["properties"]["labels"]
    name, mapping = labels["items"]["anyOf"]

    assert "strategy_id" in name["enum"]
    assert mapping == {"$ref": "#/$defs/LabelSettings"}
    assert labels["default"] == ["bk_biz_id", "severity"]


def test_limits_and_created_series_have_the_designs_defaults(load: Load, source_yaml: str) -> None:
    """Each can be set by itself."""
    usual = load(source_yaml)
    changed = load(f"{source_yaml}\nlimits: {{label_sets: 1}}\nweb: {{created_series: true}}\n")

    assert (usual.limits.alert_series, usual.limits.label_sets, usual.web.created_series) == (2000, 10_000, False)
    assert (changed.limits.alert_series, changed.limits.label_sets, changed.web.created_series) == (2000, 1, True)
