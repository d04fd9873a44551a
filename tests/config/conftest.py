"""Config files of the tests: the smallest config there is, and a way to load it with additions."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.config import ConfigError, Settings, load_config

SOURCE = """
sources:
  - name: prod
    url: https://bkapi.example.com
    auth:
      app_code: flow
      app_secret: hush
      username: admin
    watch:
      - alerts: [164239028644167]
"""

Load = Callable[..., Settings]
Refuse = Callable[..., str]


@pytest.fixture
def source_yaml() -> str:
    """Return the smallest config, whose last source can be added to."""
    return SOURCE


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads a config from its text."""

    def load_text(text: str, env: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, env or {})

    return load_text


@pytest.fixture
def refuse(load: Load, tmp_path: Path) -> Refuse:
    """Return a function that expects faults in a config, and returns them as text without the folder's name."""

    def refuse_text(text: str, env: Mapping[str, str] | None = None) -> str:
        with pytest.raises(ConfigError) as refused:
            load(text, env)
        return str(refused.value).replace(f"{tmp_path}/", "")

    return refuse_text
