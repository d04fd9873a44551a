"""The effective config: what is in force, defaults included, as YAML that tells no secret."""

import re

import yaml

from exporter.config.secret import MASK
from exporter.config.settings import Settings

_USER = re.compile(r"(?<=://)[^/?#\s]*@")


def effective_yaml(settings: Settings) -> str:
    """Return the settings, defaults included, as YAML: durations in seconds, secrets as `<secret>`.

    Secrets in files and in the environment show by the name of that file or variable.
    """
    document = settings.model_dump(mode="json", exclude_none=True)
    document["sources"] = _without_empty(document["sources"])  # in a watch, no list is not an empty one
    return yaml.safe_dump(_masked(document), sort_keys=False, allow_unicode=True, width=120)


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_empty(element) for key, element in value.items() if element not in ([], {})}
    return [_without_empty(element) for element in value] if isinstance(value, list) else value


def _masked(value: object) -> object:
    """Return a value of the document without the user and password that an address in it may have."""
    if isinstance(value, dict):
        return {key: _masked(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_masked(element) for element in value]
    return _USER.sub(f"{MASK}@", value) if isinstance(value, str) else value
