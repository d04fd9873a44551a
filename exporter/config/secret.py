"""Secrets that cannot print: given in the config, in a file that may change, or in the environment."""

from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from exporter.config.model import Surroundings
from exporter.config.scalars import read_untold
from exporter.config.signature import FileSignature, file_signature

MASK = "<secret>"


class Secret:
    """A text that shows only through `reveal`; str, repr, format and every dump say `<secret>`.

    No dataclass: `dataclasses.asdict` of a holder would lay its fields open.
    """

    __slots__ = ("_text",)

    _title: ClassVar = "a secret"

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read,
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"title": cls._title, "type": "string", "minLength": 1}

    @classmethod
    def _read(cls, value: object) -> "Secret":
        return value if isinstance(value, Secret) else cls(read_untold(value))


class SecretVariable(Secret):
    """A secret from the environment, read once; dumps tell the name of its variable."""

    __slots__ = ("name",)

    _title: ClassVar = "an environment variable"

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._look_up,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda variable: variable.name, when_used="json"
            ),
        )

    @classmethod
    def _look_up(cls, value: object, validation: ValidationInfo) -> "SecretVariable":
        if isinstance(value, SecretVariable):
            return value
        name = read_untold(value)
        env = validation.context.env if isinstance(validation.context, Surroundings) else {}
        # The name stays untold: it is a classic mistake to put the secret itself here.
        if not env.get(name):
            raise ValueError("this environment variable is not set or empty")
        return cls(name, env[name])


class SecretFile:
    """A secret in a file; `reveal` reads it anew when the file has changed.

    The constructor raises ValueError, with a message for the user, for a file that cannot be used. Later, a file that
    is gone, unreadable or empty (it may be half replaced) leaves the last good secret in force.
    """

    __slots__ = ("_known", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _read_file(path)

    def reveal(self) -> str:
        """Return the secret as the file tells it now, else as it told it last."""
        if file_signature(self.path) != self._known[0]:
            with suppress(ValueError):
                self._known = _read_file(self.path)
        return self._known[1]

    def __repr__(self) -> str:
        return f"SecretFile({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretFile) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._open,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda file: str(file.path), when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"title": "a file", "type": "string", "minLength": 1}

    @classmethod
    def _open(cls, value: object, validation: ValidationInfo) -> "SecretFile":
        if isinstance(value, SecretFile):
            return value
        folder = validation.context.folder if isinstance(validation.context, Surroundings) else Path()
        return cls(folder / (value if isinstance(value, Path) else read_untold(value)))


def _read_file(path: Path) -> tuple[FileSignature | None, str]:
    """Return the signature that the file had before it was read, so that a write in between is seen the next time."""
    try:
        if not path.is_file():
            raise ValueError("no such file (relative names start at the folder of the config file)")
        signature = file_signature(path)
        text = path.read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot read this file: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("this file is not UTF-8 text") from None
    if not text.strip():
        raise ValueError("this file is empty")
    return signature, text
