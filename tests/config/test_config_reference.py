"""docs/configuration.md: its tables are what the models say, and what the loader holds a config to."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from exporter.config import ConfigError, Settings, parse_duration
from tests.config.keys import KNOWN
from tools.config_doc import PAGE, page, sections

REFERENCE = PAGE.read_text(encoding="utf-8")


def rows() -> dict[str, list[str]]:
    """Return the cells beside each key of the page, by the key's whole path."""
    found: dict[str, list[str]] = {}
    for place, table in re.findall(r"<!-- keys of (.+?): .+?-->(.*?)<!-- end of keys -->", REFERENCE, re.DOTALL):
        prefix = "" if place == "the file" else f"{place}."
        for line in re.findall(r"(?m)^\| (`.+) \|$", table):
            name, *cells = line.split(" | ")
            found[prefix + name.strip("`")] = cells
    return found


ROWS = rows()
SHOWN = {path: default.strip("`") for path, (_, default, _) in ROWS.items() if default.startswith("`")}


def test_the_page_is_what_the_models_say() -> None:
    """`make docs` writes its tables; whoever changes a key writes them anew."""
    assert page(REFERENCE) == REFERENCE, "run `make docs`"


def test_the_page_has_every_key_and_no_other() -> None:
    """Each key has a row of its own, with what it takes, its default and its meaning."""
    assert sorted(ROWS) == sorted(KNOWN)
    assert {len(cells) for cells in ROWS.values()} == {3}
    assert all(cell for cells in ROWS.values() for cell in cells)


def as_seconds(value: Any) -> Any:
    """Return durations in a value of YAML as seconds, and all else as it is."""
    if isinstance(value, list):
        return [as_seconds(element) for element in value]
    try:
        return parse_duration(value)
    except (TypeError, ValueError):
        return value


@pytest.mark.parametrize("key", SHOWN)
def test_a_default_is_shown_as_one_would_write_it(key: str) -> None:
    """Copied into a config, it means what its absence means."""
    assert as_seconds(yaml.safe_load(SHOWN[key])) == KNOWN[key]


@pytest.mark.parametrize("key", [key for key, default in KNOWN.items() if default and not isinstance(default, dict)])
def test_no_default_is_left_out(key: str) -> None:
    """A key that has a default shows it."""
    assert key in SHOWN


def test_required_keys_are_told() -> None:
    """A key without which no config loads is marked as such."""
    assert [key for key, (_, default, _) in ROWS.items() if default == "required"] == [
        "sources",
        "sources[].name",
        "sources[].url",
        "sources[].auth",
        "sources[].watch",
        "sources[].auth.app_code",
        "sources[].watch[].search.bk_biz_ids",
        "sources[].watch[].search.conditions[].key",
        "sources[].watch[].search.conditions[].value",
        "labels[].field",
        "ack_targets[].within",
    ]


@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("sources[].name", "sources: [{name: '-'}]"),
        ("sources[].tenant_id", "sources: [{tenant_id: ä}]"),
        ("sources[].proxy_from_environment", "sources: [{proxy_from_environment: 1}]"),
        ("sources[].rate_limit.requests_per_second", "sources: [{rate_limit: {requests_per_second: 10001}}]"),
        ("sources[].rate_limit.burst", "sources: [{rate_limit: {burst: 10001}}]"),
        ("sources[].rate_limit.concurrency", "sources: [{rate_limit: {concurrency: 0}}]"),
        ("sources[].watch[].search.severity", "sources: [{watch: [{search: {severity: [4]}}]}]"),
        ("sources[].watch[].search.status", "sources: [{watch: [{search: {status: [open]}}]}]"),
        ("limits.alert_series", "limits: {alert_series: 10000001}"),
        ("web.created_series", "web: {created_series: 1}"),
    ],
)
def test_what_a_key_takes_is_what_its_fault_expects(key: str, config: str, refuse: Callable[[str], str]) -> None:
    """The limits on the page are those of the loader, in the same words."""
    takes = ROWS[key][0].removeprefix("a list; each ")

    assert re.search(rf"{re.escape(key.replace('[]', '[0]'))}(\[0\])?: expected {re.escape(takes)}", refuse(config))


@pytest.mark.parametrize(("key", "shortest"), [("poll.interval", "50ms"), ("poll.max_age", "1ms")])
def test_the_shortest_duration_is_told(
    key: str, shortest: str, load: Callable[[str], Settings], refuse: Callable[[str], str], source_yaml: str
) -> None:
    """What stands on the page is taken, and a hair less is refused."""
    part, name = key.split(".")
    config = f"{source_yaml}{part}: {{{name}: %s}}\nledger: {{retention: 2h}}\n"

    assert ROWS[key][0] == f"a duration of at least {shortest}"
    load(config % shortest)
    assert f"expected at least {shortest}" in refuse(config % (parse_duration(shortest) - 0.0001))


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("sources[]", "At most one of `proxy_url`, `proxy_from_environment`."),
        ("sources[].tls", "`key_file` needs `cert_file` beside it."),
        ("sources[].watch[]", "Exactly one of `alerts`, `files`, `search`."),
    ],
)
def test_rules_between_keys_are_told(place: str, told: str) -> None:
    """What the keys of a mapping owe each other stands below their table."""
    (section,) = (section for section in sections() if section.path == place)

    assert section.rules == (told,)
    assert f" |\n\n- {told}\n\n<!-- end of keys -->\n" in REFERENCE


def test_a_mapping_without_a_place_on_the_page_is_told() -> None:
    """Whoever adds a mapping to the models is told to give it a heading with marks."""
    page_without_poll = re.sub("keys of poll:", "keys of pool:", REFERENCE)

    with pytest.raises(ValueError, match=r"expected marks for the keys of the file, sources\[\], .*; got .*, pool, "):
        page(page_without_poll)


def test_the_page_names_the_reserved_labels(load: Callable[[str], Settings], source_yaml: str) -> None:
    """What the page calls reserved is refused as the name of a label."""
    sentence = REFERENCE.partition("Reserved are ")[2].partition(", and the names")[0]
    names = re.findall("`([a-z_]+)`", sentence)

    with pytest.raises(ConfigError) as refused:
        load(f"{source_yaml}        labels: {yaml.safe_dump(dict.fromkeys(names, 'x'), default_flow_style=True)}")

    assert len(refused.value.faults) == len(names) == 20
