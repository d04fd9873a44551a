"""What a config file means once it is loaded."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from exporter.config import ConfigError, Fault, Settings, load_config

Load = Callable[..., Settings]


def test_the_smallest_config_has_the_documented_defaults(load: Load, source_yaml: str) -> None:
    """A source with a name, an address, an application and a watch is enough; durations are seconds."""
    settings = load(source_yaml)

    (source,) = settings.sources
    assert (source.name, source.url, source.timeout) == ("prod", "https://bkapi.example.com", 10.0)
    assert source.timezone == ZoneInfo("Asia/Shanghai")
    assert source.paths.get_event_log == "/api/c/compapi/v2/monitor_v3/get_event_log/"
    assert (settings.poll.interval, settings.poll.acked_interval, settings.poll.max_age) == (30, 300, 30 * 86400)
    assert settings.label_names == ("bk_biz_id", "severity")
    assert settings.ledger.url == "sqlite:///bkmonitor-flow.db"
    assert settings.histograms.time_to_ack == settings.histograms.time_to_end


def test_an_empty_value_counts_as_a_missing_key(load: Load, source_yaml: str) -> None:
    """A section whose keys are all commented out, and a key with nothing behind it, have their defaults."""
    settings = load(f"{source_yaml}\n    timeout:\n    tls: {{ca_file: , cert_file: }}\npoll:\n  # interval: 1m\n")

    assert settings == load(source_yaml)


def test_alert_ids_are_texts_as_written(load: Load, source_yaml: str) -> None:
    """An id above 2^53 stays exact, and a leading zero makes no octal number of it."""
    text = source_yaml.replace("[164239028644167]", '[16423902864416700, 0123, "42", a-b_c.d, 1_000]')

    (watch,) = load(text).sources[0].watch

    assert watch.alerts == ("16423902864416700", "0123", "42", "a-b_c.d", "1_000")


def test_label_values_are_texts_as_written(load: Load, source_yaml: str) -> None:
    """A number becomes the text that stands in the file: 1.10 does not become 1.1, and `on` is no flag."""
    text = f"{source_yaml}        labels: {{team: payments, release: 1.10, shift: 2, call: on, zone: ''}}\n"

    (watch,) = load(text).sources[0].watch

    assert watch.labels == {"team": "payments", "release": "1.10", "shift": "2", "call": "on", "zone": ""}


def test_file_patterns_are_relative_to_the_config(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """They are stored as absolute ones, so that they mean the same from every working directory."""
    text = source_yaml.replace("alerts: [164239028644167]", "files: [watch/*.yaml, /etc/flow/*.json]")

    (watch,) = load(text).sources[0].watch

    assert watch.files == (f"{tmp_path}/watch/*.yaml", "/etc/flow/*.json")


def test_files_are_relative_to_the_config(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """A certificate's file is found beside the config, wherever the exporter was started."""
    (tmp_path / "ca.pem").write_text("made up")

    settings = load(f"{source_yaml}    tls: {{ca_file: ca.pem}}\n")

    assert settings.sources[0].tls.ca_file == tmp_path / "ca.pem"


def test_aliases_repeat_a_value(load: Load, source_yaml: str) -> None:
    """What is anchored once can be used twice."""
    settings = load(f"{source_yaml}histograms: {{time_to_ack: &bounds [1m, 5m], time_to_end: *bounds}}\n")

    assert settings.histograms.time_to_ack == settings.histograms.time_to_end == (60, 300)


def test_a_template_for_the_alerts_page_may_use_the_labels(load: Load, source_yaml: str) -> None:
    """The placeholders are the alert's id, its source, and what stands under `labels:`; doubled braces are text."""
    template = "https://bk.example.com/?biz={bk_biz_id}#/{source}/{alert_id}/{{x}}"

    assert load(f'{source_yaml}web: {{alert_url: "{template}"}}\n').web.alert_url == template


def test_a_retention_may_be_short_when_the_window_is_shorter(load: Load, source_yaml: str) -> None:
    """A window of 0 is a window, not a missing one."""
    settings = load(f"{source_yaml}poll: {{first_seen_window: 0}}\nledger: {{retention: 1m}}\n")

    assert (settings.poll.first_seen_window, settings.ledger.retention) == (0, 60)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_config_may_begin_with_a_byte_order_mark(tmp_path: Path, source_yaml: str, encoding: str) -> None:
    """Editors that write one do no harm."""
    path = tmp_path / "config.yaml"
    path.write_text(source_yaml, encoding=encoding)

    assert load_config(path, {}).sources[0].name == "prod"


def test_a_json_config_may_indent_with_tabs(tmp_path: Path) -> None:
    """JSON is YAML, but for the tabs that YAML forbids; pairs of surrogates are joined."""
    path = tmp_path / "config.json"
    path.write_text(
        '{\n\t"sources": [{"name":"prod", "url":"https:\\/\\/bkapi.example.com",\n\t\t"auth":'
        ' {"app_code":"\\ud83d\\ude00", "app_secret":"hush", "username":"admin"},\n\t\t"watch": [{"alerts":[1]}]}]\n}'
    )

    assert load_config(path, {}).sources[0].auth.app_code == "\U0001f600"


def test_a_file_name_that_no_system_allows_is_a_fault(refuse: Callable[[str], str], source_yaml: str) -> None:
    """A certificate pasted in place of its file's name is a missing file, not a failure."""
    told = refuse(f"{source_yaml}    tls: {{ca_file: {'x' * 5000}}}\n")

    assert told.startswith("config.yaml:11: sources[0].tls.ca_file: no such file, or not readable (")
    assert "xxx" not in told


def test_settings_are_built_of_settings(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """What a model dumps of what it was given, and its parts as they are, make the same settings again."""
    (tmp_path / "token").write_text("hush")
    env = {"ACCESS": "hush"}
    settings = load(source_yaml.replace("username: admin", "token_file: token\n      access_token_env: ACCESS"), env)

    assert Settings.model_validate(settings.model_dump(exclude_unset=True)) == settings
    assert Settings(sources=settings.sources, poll=settings.poll) == settings
    assert hash(settings.sources[0].auth) == hash(settings.sources[0].auth.model_copy())


def test_settings_cannot_change(load: Load, source_yaml: str) -> None:
    """A setting that was checked stays as it was checked."""
    settings = load(source_yaml)

    with pytest.raises(ValidationError):
        settings.poll.interval = 1.0  # type: ignore[misc] # that it is refused is the claim


def unreadable(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a file that cannot be read."""
    with pytest.raises(ConfigError) as refused:
        load_config(path, {})
    return refused.value.faults


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A missing file and a folder are told apart, and so is a name that no file can have."""
    missing = tmp_path / "none.yaml"

    assert unreadable(missing) == (Fault(str(missing), 1, "", "no such file"),)
    assert unreadable(tmp_path) == (Fault(str(tmp_path), 1, "", "this is a directory, not a file"),)
    assert unreadable(Path("a\0b"))[0].message == "cannot be read: embedded null byte"


def test_a_file_in_another_encoding_is_a_fault(tmp_path: Path) -> None:
    """The line of the first byte that is no UTF-8 is told."""
    path = tmp_path / "config.yaml"
    path.write_bytes("sources:\n  - name: prod\n    url: 生产\n".encode("gb18030"))

    assert unreadable(path) == (Fault(str(path), 3, "", "not UTF-8 text"),)


def test_a_file_of_absurd_size_is_a_fault(tmp_path: Path) -> None:
    """A log file given by mistake is not parsed."""
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * (4 * 1024 * 1024 + 1))

    assert unreadable(path)[0].message == "this file is larger than 4 MiB"
