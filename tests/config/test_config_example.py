"""The example and the reference of the config say what the models say."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import ConfigError, Settings, json_schema, load_config, parse_duration

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "config.example.yaml"
REFERENCE = (TOP / "docs" / "configuration.md").read_text(encoding="utf-8")

# What the example gives a value though it has no such default: to show what one looks like.
TELLING = (
    "sources[].name",
    "sources[].url",
    "sources[].auth.app_code",
    "sources[].auth.app_secret",
    "sources[].auth.username",
    "sources[].watch",
)


def known_keys(part: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key path of the JSON Schema with its default, None where it has none."""
    definitions = json_schema()["$defs"]
    for name, key in part["properties"].items():
        yield f"{prefix}{name}", key.get("default")
        inner, bracket = (key["items"], "[]") if key.get("type") == "array" else (key, "")
        for choice in inner.get("anyOf", [inner]):
            if "$ref" in choice:
                yield from known_keys(definitions[choice["$ref"].rpartition("/")[2]], f"{prefix}{name}{bracket}.")


def given_keys(value: object, prefix: str = "") -> Iterator[str]:
    """Yield each key path of a config in YAML, but for the names of labels, which are the user's own."""
    if isinstance(value, list):
        for element in value:
            yield from given_keys(element, f"{prefix.removesuffix('.')}[].")
    elif isinstance(value, dict) and not prefix.endswith(("watch[].labels.", "].match.")):
        for name, inner in value.items():
            yield f"{prefix}{name}"
            yield from given_keys(inner, f"{prefix}{name}.")


def telling(value: Any, prefix: str = "") -> Any:
    """Return of a config in YAML what stands under the keys of `TELLING`."""
    if isinstance(value, list):
        return [telling(element, f"{prefix.removesuffix('.')}[].") for element in value]
    paths = {f"{prefix}{name}": name for name in value}
    return {
        name: value[name] if path in TELLING else telling(value[name], f"{path}.")
        for path, name in paths.items()
        if any(f"{told}.".startswith((f"{path}.", f"{path}[")) for told in TELLING)
    }


KNOWN = dict(known_keys(json_schema()))


def test_the_example_loads() -> None:
    """The example is a config as it stands, without files or variables beside it."""
    assert load_config(EXAMPLE, {}).sources[0].name == "prod"


def test_the_example_has_every_key_and_no_other() -> None:
    """A key that is added, renamed or dropped must be so in the example, be it in a comment."""
    uncommented = re.sub(r"(?m)^( *)# (?=[a-z_]+: )", r"\1", EXAMPLE.read_text(encoding="utf-8"))

    assert set(given_keys(yaml.safe_load(uncommented))) == set(KNOWN)


def test_the_example_shows_the_defaults(load: Callable[[str], Settings]) -> None:
    """What the example shows beyond the required keys is what one gets without it."""
    example = EXAMPLE.read_text(encoding="utf-8")

    assert load(example) == load(yaml.safe_dump(telling(yaml.safe_load(example))))


ROW = re.compile(r"(?m)^\| `([^`]+)` \| (?:`([^`]*)`|[a-z ]+) \|")
REFERENCE_DEFAULTS = dict(ROW.findall(REFERENCE))


def test_the_reference_has_every_key_and_no_other() -> None:
    """docs/configuration.md has one row for each key, in the order of the models."""
    assert [key for key, _ in ROW.findall(REFERENCE)] == list(KNOWN)


def as_seconds(value: Any) -> Any:
    """Return durations in a value of YAML as seconds, and all else as it is."""
    if isinstance(value, list):
        return [as_seconds(element) for element in value]
    try:
        return parse_duration(value)
    except (TypeError, ValueError):
        return value


@pytest.mark.parametrize("key", [key for key, default in KNOWN.items() if REFERENCE_DEFAULTS.get(key)])
def test_the_reference_shows_the_default(key: str) -> None:
    """A default in docs/configuration.md is that of the models."""
    assert as_seconds(yaml.safe_load(REFERENCE_DEFAULTS[key])) == KNOWN[key]


@pytest.mark.parametrize("key", [key for key, default in KNOWN.items() if default and not isinstance(default, dict)])
def test_the_reference_leaves_out_no_default(key: str) -> None:
    """A key that has a default shows it."""
    assert REFERENCE_DEFAULTS[key]


def test_the_reference_names_the_reserved_labels(load: Callable[[str], Settings], source_yaml: str) -> None:
    """What docs/configuration.md calls reserved is refused as the name of a label."""
    sentence = REFERENCE.partition("Reserved are ")[2].partition(", and the names")[0]
    names = re.findall("`([a-z_]+)`", sentence)

    with pytest.raises(ConfigError) as refused:
        load(f"{source_yaml}        labels: {yaml.safe_dump(dict.fromkeys(names, 'x'), default_flow_style=True)}")

    assert len(refused.value.faults) == len(names) == 20
