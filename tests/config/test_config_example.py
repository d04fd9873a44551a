"""The example of the config says what the models say."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from exporter.config import Settings, load_config
from tests.config.keys import KNOWN

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "config.example.yaml"

# What the example gives a value though it has no such default: to show what one looks like.
TELLING = (
    "sources[].name",
    "sources[].url",
    "sources[].auth.app_code",
    "sources[].auth.app_secret",
    "sources[].auth.username",
    "sources[].watch",
)


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
