"""Watches by search: what one writes, and what is asked for then."""

from collections.abc import Callable

import pytest

from exporter.config import ConditionSettings, SearchSettings, Settings

Load = Callable[..., Settings]


def search(load: Load, source_yaml: str, text: str) -> SearchSettings:
    """Return the settings of a watch by this search, in YAML's flow style."""
    (watch,) = load(source_yaml.replace("alerts: [164239028644167]", f"search: {text}")).sources[0].watch
    assert watch.search is not None
    assert (watch.alerts, watch.files) == ((), ())
    return watch.search


def test_a_search_needs_no_more_than_businesses(load: Load, source_yaml: str) -> None:
    """What is not given does not select."""
    settings = search(load, source_yaml, "{bk_biz_ids: [-1]}")

    assert settings == SearchSettings(bk_biz_ids=(-1,))
    assert (settings.severity, settings.query_string, settings.conditions, settings.status) == ((), "", (), ())


def test_a_search_is_read_as_the_design_writes_it(load: Load, source_yaml: str) -> None:
    """Empty lists and an empty query are the same as none."""
    text = '{bk_biz_ids: [2, 3], severity: [1, 2], query_string: "", conditions: [], status: []}'

    assert search(load, source_yaml, text) == SearchSettings(bk_biz_ids=(2, 3), severity=(1, 2))


@pytest.mark.parametrize("businesses", ['["-1"]', "[-1]"])
def test_all_businesses_are_minus_one(load: Load, source_yaml: str, businesses: str) -> None:
    """As a number and as a text."""
    assert search(load, source_yaml, f"{{bk_biz_ids: {businesses}}}").bk_biz_ids == (-1,)


def test_businesses_are_numbers_or_their_digits(load: Load, source_yaml: str) -> None:
    """BlueKing itself writes them both ways."""
    assert search(load, source_yaml, '{bk_biz_ids: [2, "5000140", 0]}').bk_biz_ids == (2, 5000140, 0)


def test_a_condition_has_a_field_and_values(load: Load, source_yaml: str) -> None:
    """Texts and whole numbers stay what they are, other numbers are texts as written."""
    text = "{bk_biz_ids: [2], conditions: [{key: ip, value: [192.0.2.1, 7, 1.10, ''], method: neq, condition: or}]}"

    (condition,) = search(load, source_yaml, text).conditions

    assert condition == ConditionSettings(key="ip", value=("192.0.2.1", 7, "1.10", ""), method="neq", condition="or")


@pytest.mark.parametrize(("value", "values"), [("os", ("os",)), ("7", (7,)), ("1.10", ("1.10",)), ("''", ("",))])
def test_a_single_value_needs_no_list(load: Load, source_yaml: str, value: str, values: tuple[str | int, ...]) -> None:
    """A condition with one value is `eq` and `and` where nothing else is said."""
    text = f"{{bk_biz_ids: [2], conditions: [{{key: category, value: {value}}}]}}"

    (condition,) = search(load, source_yaml, text).conditions

    assert (condition.value, condition.method, condition.condition) == (values, "eq", "and")


def test_a_query_and_statuses_go_as_they_are(load: Load, source_yaml: str) -> None:
    """What they mean is BlueKing's to say; a status has the shape of one."""
    text = "{bk_biz_ids: [2], query_string: 'alert_name: \"disk\" AND NOT ip: 10*', status: [ABNORMAL, NOT_YET_KNOWN]}"

    settings = search(load, source_yaml, text)

    assert settings.query_string == 'alert_name: "disk" AND NOT ip: 10*'
    assert settings.status == ("ABNORMAL", "NOT_YET_KNOWN")


def test_a_search_may_have_labels_beside_it(load: Load, source_yaml: str) -> None:
    """As with every other watch."""
    text = source_yaml.replace("alerts: [164239028644167]", "search: {bk_biz_ids: [2]}")

    (watch,) = load(f"{text}        labels: {{team: infra}}\n").sources[0].watch

    assert watch.labels == {"team": "infra"}
    assert watch.search == SearchSettings(bk_biz_ids=(2,))
