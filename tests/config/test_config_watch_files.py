"""Files that list alerts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import ConfigError, WatchGroup, load_config, load_watch_file, matching_files

Refuse = Callable[..., str]


def refused(path: Path, text: str, reserved: tuple[str, ...] = ()) -> list[str]:
    """Return the faults of a watch file, without its folder."""
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_watch_file(path, reserved)
    return [str(fault).removeprefix(f"{path.parent}/") for fault in error.value.faults]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "- alerts: [164239028644167, a]\n  labels: {team: payments}\n- alerts: []\n"),
        ("a.json", '[\n\t{"alerts": [164239028644167, "a"], "labels": {"team": "payments"}},\n\t{"alerts": []}\n]'),
    ],
)
def test_a_watch_file_is_yaml_or_json(tmp_path: Path, name: str, text: str) -> None:
    """Groups of alert ids with labels, as in file_sd."""
    (tmp_path / name).write_text(text)

    groups = load_watch_file(tmp_path / name, ())

    assert groups == (WatchGroup(("164239028644167", "a"), {"team": "payments"}), WatchGroup((), {}))


def test_an_explicit_empty_list_watches_nothing(tmp_path: Path) -> None:
    """`[]` is what a tool writes when there is nothing to watch."""
    (tmp_path / "a.yaml").write_text("[]\n")

    assert load_watch_file(tmp_path / "a.yaml", ()) == ()


@pytest.mark.parametrize("text", ["", "# soon\n", "\n"])
def test_an_empty_watch_file_is_a_fault(tmp_path: Path, text: str) -> None:
    """A file that is half written must not empty the watch."""
    assert refused(tmp_path / "a.yaml", text) == ["a.yaml:1: this file is empty"]


def test_all_faults_of_a_watch_file_are_told(tmp_path: Path) -> None:
    """With their lines and keys, those of YAML, of values and of label names together."""
    text = (
        "- alerts: [1, 1.5]\n  labels:\n    severity: fatal\n    team: true\n    alert_id: 1\n"
        "- alerts: [2]\n  alerts: [3]\n  label: {}\n- text\n"
    )

    assert refused(tmp_path / "a.yaml", text, reserved=("severity",)) == [
        "a.yaml:1: [0].alerts[1]: expected an alert id, got 1.5 (quote it)",
        "a.yaml:3: [0].labels.severity: clashes with this field of the alert, chosen under labels:",
        "a.yaml:4: [0].labels.team: expected a text or a number, got true (quote it)",
        "a.yaml:5: [0].labels.alert_id: this label name is reserved",
        "a.yaml:7: [1].alerts: given twice, first in line 6",
        "a.yaml:8: [1].label: unknown key (did you mean labels?)",
        "a.yaml:9: [2]: expected a mapping, got a text",
    ]


def test_a_watch_file_that_is_no_list_is_a_fault(tmp_path: Path) -> None:
    """A single group without its dash is told as such."""
    assert refused(tmp_path / "a.yaml", "alerts: [1]\n") == ["a.yaml:1: expected a list, got a mapping"]


def test_patterns_find_files_once_in_order(tmp_path: Path) -> None:
    """Files come by pattern, then by name, each once; folders and what is not there are left out."""
    for name in ("b.yaml", "a.yaml", "c.json"):
        (tmp_path / name).write_text("[]")
    (tmp_path / "d.yaml").mkdir()

    found = matching_files(f"{tmp_path}/{pattern}" for pattern in ("c.*", "*.yaml", "*", "none/*"))

    assert [path.name for path in found] == ["c.json", "a.yaml", "b.yaml"]


def test_a_folder_with_pattern_signs_is_no_pattern(source_yaml: str, tmp_path: Path) -> None:
    """Only what stands in the config is a pattern, not the name of its folder."""
    folder = tmp_path / "[prod]"
    folder.mkdir()
    (folder / "a.yaml").write_text("[]")
    (folder / "config.yml").write_text(source_yaml.replace("alerts: [164239028644167]", 'files: ["*.yaml"]'))

    (watch,) = load_config(folder / "config.yml", {}).sources[0].watch

    assert matching_files(watch.files) == (folder / "a.yaml",)


def test_a_watch_file_that_matches_twice_is_told_once(refuse: Refuse, source_yaml: str, tmp_path: Path) -> None:
    """The faults of a watch file are told with those of the config, after them and each once."""
    (tmp_path / "a.yml").write_text("- alerts: [true]\n  labels: {category: x, severity: fatal}\n")
    text = source_yaml.replace("alerts: [164239028644167]", "files: [a.yml, '*.yml', 5]")

    assert refuse(f"{text}labels: [category]\n").splitlines() == [
        "config.yaml:10: sources[0].watch[0].files[2]: expected a text, got 5 (quote it)",
        "a.yml:1: [0].alerts[0]: expected an alert id, got true (quote it)",
        "a.yml:2: [0].labels.category: clashes with this field of the alert, chosen under labels:",
    ]
