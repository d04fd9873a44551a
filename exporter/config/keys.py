"""Every key that the config knows, and which of them an unknown one was probably meant to be."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from exporter.config.model import Loc, Model
from exporter.config.scalars import did_you_mean


def key_paths(model: type[Model], prefix: str = "") -> Iterator[str]:
    """Yield the keys of `model` and below, in order, with `[]` after a list: `sources[].auth.app_code`."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        below = _model_in(field.annotation)
        if below:
            yield from key_paths(below, f"{prefix}{name}{'[]' if get_origin(field.annotation) is tuple else ''}.")


def suggestion(loc: Loc, known: Collection[str]) -> str:
    """Return a hint at the key that was meant at `loc`: one of the same mapping, else one from anywhere in `known`."""
    level, name = _pattern(loc[:-1]), str(loc[-1])
    here = [path.removeprefix(level) for path in known if path.rpartition(".")[0] == level.rstrip(".")]
    anywhere = {path.rpartition(".")[2]: path for path in known} | {path.replace("[]", ""): path for path in known}
    near = get_close_matches(name, here, 1, 0.6) or get_close_matches(name, anywhere, 1, 0.75)
    return did_you_mean(near if near and near[0] in here else [anywhere[path] for path in near])


def _pattern(loc: Loc) -> str:
    parts = "".join("[]" if isinstance(part, int) else f".{part}" for part in loc)
    return f"{parts}.".removeprefix(".") if parts else ""


def _model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
