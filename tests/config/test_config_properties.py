"""What holds of every config file, however odd."""

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config import ConfigError, Settings, json_schema, load_config, load_watch_file

EXAMPLE = (Path(__file__).parents[2] / "config.example.yaml").read_text(encoding="utf-8")
KEYS = sorted({key for part in json_schema()["$defs"].values() for key in part.get("properties", {})})

# No "/" in a text: a glob pattern of an absolute path would have the tests read this machine's files.
TEXTS = st.text(st.characters(exclude_characters="/"), max_size=12) | st.sampled_from(
    ["10s", "ten", "2020-01-01", "0x1f", "http://a", "*.yaml", "sqlite:x.db", "\0", "a\nb", "{alert_id}", "{", "Asia"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | TEXTS, inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    [*"[]{},'|>#~?:-&*!%", '"', "\\", "&a", "*a", "<<", "!!str", "!x", "---", "...", "- ", ": ", "%YAML", "\n", "\n  "]
) | st.sampled_from(["\t", "\ufeff", "\u2028", "sources", "watch", "alerts", "labels"])

# A busy machine is slow, and so is the first look at the time zones; neither is what these tests are about.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def load(text: str) -> Settings | ConfigError:
    """Return what becomes of a config file with this text."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return load_config(path, {})
        except ConfigError as error:
            return error


def assert_faults_are_legible(outcome: Settings | ConfigError) -> None:
    """Hold that a refusal tells at least one fault, each in one line that can be printed."""
    if isinstance(outcome, ConfigError):
        assert outcome.faults
        for fault in outcome.faults:
            assert fault.line >= 1
            assert len(str(fault).encode().splitlines()) == 1


@unhurried
@given(text=st.text())
def test_any_text_is_settings_or_faults(text: str) -> None:
    """Whatever a file holds, its user is told faults, never a traceback."""
    assert_faults_are_legible(load(text))


@unhurried
@given(words=st.lists(WORDS | TEXTS, max_size=30))
def test_any_words_of_yaml_are_settings_or_faults(words: list[str]) -> None:
    """Broken YAML of every kind is faults too."""
    assert_faults_are_legible(load("".join(words)))


@unhurried
@given(value=VALUES)
def test_any_value_is_settings_or_faults(value: object) -> None:
    """Well-formed YAML with keys of ours and values of any kind is faults too."""
    assert_faults_are_legible(load(yaml.safe_dump(value)))


@unhurried
@given(at=st.integers(0, len(EXAMPLE)), length=st.integers(0, 80), put=TEXTS | WORDS)
def test_any_slip_in_a_good_config_is_settings_or_faults(at: int, length: int, put: str) -> None:
    """A piece cut out of the example, or typed into it, is faults at worst."""
    assert_faults_are_legible(load(EXAMPLE[:at] + put + EXAMPLE[at + length :]))


@unhurried
@given(section=st.sampled_from(["poll", "labels", "histograms", "ledger", "web", "sources"]), value=VALUES)
def test_any_section_is_settings_or_faults(section: str, value: object) -> None:
    """A good config with one section of any kind is settings, or faults of that section."""
    config = {**yaml.safe_load(EXAMPLE), section: value}

    assert_faults_are_legible(load(yaml.safe_dump(config)))


@unhurried
@given(value=VALUES | st.lists(st.fixed_dictionaries({"alerts": VALUES, "labels": VALUES}), max_size=3))
def test_any_watch_file_is_groups_or_faults(value: object) -> None:
    """A watch file of any kind is faults at worst, so that the last good one stays in force."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "watch.yaml"
        path.write_text(yaml.safe_dump(value), encoding="utf-8")
        try:
            load_watch_file(path, ("severity",))
        except ConfigError as error:
            assert_faults_are_legible(error)
