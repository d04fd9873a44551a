"""The harnesses by name: each takes an input of any bytes, and raises where something is wrong with what came of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz import answers, files, lives, requests, texts

CORPUS = Path(__file__).parent / "corpus"

HARNESSES: Mapping[str, Callable[[bytes], None]] = {
    "answers": answers.run,
    "logs": answers.logs,
    "lives": lives.run,
    "texts": texts.run,
    "config": files.config,
    "watch": files.watch,
    "web_file": files.web_file,
    "requests": requests.run,
}


def corpus(name: str) -> list[Path]:
    """Return the files that a harness begins with: one of each kind of input, and every case that was found."""
    return sorted((CORPUS / name).iterdir())
