"""The config's JSON Schema, for editors."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from exporter.config.settings import Settings


class _Titles(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of the keys: ours tell what a value is, in a user's words."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a config file, with a description of each key.

    The `title` of a value tells its kind in a user's words, with its limits.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(schema_generator=_Titles),
    }
