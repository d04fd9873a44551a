"""The config's JSON Schema, for editors."""

from typing import Any

from exporter.config.settings import Settings


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a config file, with a description of each key."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
