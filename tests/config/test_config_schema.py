"""The JSON Schema that editors check a config with."""

import json
import re
from typing import Any

import pytest

from exporter.config import json_schema, parse_duration

SCHEMA = json_schema()
MAPPINGS = {"Settings": SCHEMA} | SCHEMA["$defs"]


def key(mapping: str, name: str) -> Any:
    """Return what the schema says of one key."""
    return MAPPINGS[mapping]["properties"][name]


def test_the_schema_is_json_of_the_latest_draft() -> None:
    """`schema` prints it as it is."""
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_every_key_is_described_and_no_other_allowed(mapping: str) -> None:
    """An editor explains each key, and underlines an unknown one."""
    properties = MAPPINGS[mapping]["properties"]

    assert all(described.get("description") for described in properties.values())
    assert MAPPINGS[mapping]["additionalProperties"] is False


def test_required_keys_are_required() -> None:
    """What load_config asks for, the schema asks for."""
    assert SCHEMA["required"] == ["sources"]
    assert MAPPINGS["SourceSettings"]["required"] == ["name", "url", "auth", "watch"]
    assert MAPPINGS["AuthSettings"]["required"] == ["app_code"]
    assert MAPPINGS["SearchSettings"]["required"] == ["bk_biz_ids"]
    assert key("Settings", "sources")["minItems"] == 1


@pytest.mark.parametrize("text", ["30s", "1h30m", "500ms", "1d2h3m4s5ms", "30", "0.5", "", "ten", "1w", "-1s", "5m1h"])
def test_a_duration_is_a_number_or_a_text_of_that_shape(text: str) -> None:
    """The pattern accepts the texts that the loader accepts."""
    as_text, as_number = key("PollSettings", "interval")["anyOf"]

    try:
        parse_duration(text)
    except ValueError:
        assert not re.search(as_text["pattern"], text)
    else:
        assert re.search(as_text["pattern"], text)
    assert as_number == {"type": "number", "minimum": 0.05}


def test_rules_between_keys_are_told() -> None:
    """An editor sees that a watch has one of alerts, files and search, and that a key needs its certificate."""
    choices = [{"required": [name]} for name in ("alerts", "files", "search")]
    ((one_of,), (with_key,)) = (MAPPINGS[name]["allOf"] for name in ("WatchSettings", "TlsSettings"))

    assert one_of == {"title": "exactly one of alerts, files, search", "oneOf": choices}
    assert with_key["dependentRequired"] == {"key_file": ["cert_file"]}


def test_ids_and_label_values_may_be_numbers() -> None:
    """As in the file itself; a label's name has its shape."""
    id_types = [kind["type"] for kind in key("WatchSettings", "alerts")["items"]["anyOf"]]
    ((name_pattern, value),) = key("WatchSettings", "labels")["patternProperties"].items()

    assert id_types == ["string", "integer"]
    assert [kind["type"] for kind in value["anyOf"]] == ["string", "number"]
    assert re.search(name_pattern, "team")
    assert not re.search(name_pattern, "__team")


def test_what_a_search_compares_with_may_be_written_in_short() -> None:
    """Businesses are numbers or their digits, and not none; a condition takes a list of values, or a single one."""
    businesses = key("SearchSettings", "bk_biz_ids")
    values = key("ConditionSettings", "value")["anyOf"]

    assert [kind["type"] for kind in businesses["items"]["anyOf"]] == ["integer", "string"]
    assert businesses["minItems"] == 1
    assert [kind["type"] for kind in values] == ["array", "string", "number"]
