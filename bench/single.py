"""Runs one benchmark in this process and writes what it compared as JSON: `python -m bench.single NAME FILE`."""

import importlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from bench.timing import Bound, Comparison, Quantity


@click.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
def main(name: str, path: Path) -> None:
    """Run the benchmark NAME, its results to PATH."""
    told = importlib.import_module(f"bench.{name}").run()
    comparisons: Iterable[Comparison] = [told] if isinstance(told, Comparison) else told
    path.write_text(json.dumps([asdict(each) for each in comparisons]))


def read_results(path: Path) -> list[Comparison]:
    """Return the comparisons that `main` wrote."""
    return [
        Comparison(
            each["name"],
            Quantity(**each["ours"]),
            Quantity(**each["other"]),
            Bound(**each["asked"]) if each["asked"] else None,
            tuple(each["notes"]),
        )
        for each in json.loads(path.read_text())
    ]


if __name__ == "__main__":
    main()
