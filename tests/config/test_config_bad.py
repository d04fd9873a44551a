"""A folder of bad configs, each with the exact faults that its user is told."""

from pathlib import Path

import pytest

from exporter.config import ConfigError, load_config

BAD = Path(__file__).parent / "bad"


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_a_bad_config_names_all_its_faults(name: str) -> None:
    """Each fault is told at once, in file order, with its line, its key and what would be right."""
    with pytest.raises(ConfigError) as refused:
        load_config(BAD / f"{name}.yaml", {})

    told = str(refused.value).replace(f"{BAD}/", "")
    assert told.splitlines() == (BAD / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_no_bad_config_shows_a_secret() -> None:
    """Whatever is wrong, a secret in the file (`hush` in all of them) shows in no fault."""
    told = "\n".join(path.read_text(encoding="utf-8") for path in BAD.glob("*.txt"))

    assert told
    assert "hush" not in told
