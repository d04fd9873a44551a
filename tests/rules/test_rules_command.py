"""The command `rules`: where it writes, and how it fails."""

from pathlib import Path

from click.testing import CliRunner, Result

from exporter.cli import main
from exporter.rules import rules_document
from tests.rules.documents import CONFIG, rules_in, settings_of


def run(*arguments: str) -> Result:
    """Run `rules` in this process."""
    return CliRunner().invoke(main, ["rules", *arguments])


def test_it_prints_the_rules_of_the_config(tmp_path: Path) -> None:
    """Nothing else goes to standard output, so that it can be piped."""
    settings = settings_of(tmp_path, "ack_targets: [{within: 10m}]")

    assert run(f"--config.file={tmp_path}/config.yaml").stdout == rules_document(settings)


def test_it_writes_them_to_a_file(tmp_path: Path) -> None:
    """The runbooks are where one says they are."""
    settings_of(tmp_path)
    output = tmp_path / "rules.yml"

    result = run(
        f"--config.file={tmp_path}/config.yaml", f"--output={output}", "--runbook-url=https://x.example.com/r/"
    )

    assert (result.exit_code, result.output) == (0, "")
    runbooks = {rule["annotations"]["runbook_url"] for rule in rules_in(output) if "alert" in rule}
    assert "https://x.example.com/r/BKMonitorFlowSourceDown.md" in runbooks


def test_a_bad_config_ends_with_2(tmp_path: Path) -> None:
    """As it does everywhere."""
    (tmp_path / "config.yaml").write_text(CONFIG.replace("url:", "ulr:"))

    result = run(f"--config.file={tmp_path}/config.yaml")

    assert result.exit_code == 2
    assert "sources[0].ulr: unknown key" in result.stderr


def test_a_file_that_cannot_be_written_ends_with_1(tmp_path: Path) -> None:
    """It is named in a line."""
    settings_of(tmp_path)

    result = run(f"--config.file={tmp_path}/config.yaml", f"--output={tmp_path}/none/rules.yml")

    assert result.exit_code == 1
    assert result.stderr == f"cannot write {tmp_path}/none/rules.yml: No such file or directory\n"
