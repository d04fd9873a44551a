"""Draws dashboards with the data of a running Prometheus: `python -m tools.picture --help`."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import click

from exporter.config import parse_duration
from tools.picture.asking import Range, Source
from tools.picture.page import WIDTH, height, page

_SCALE = 0.85  # what a README shows is smaller still


def draw(dashboard: Path, prometheus: str, output: Path, span: float, chosen: dict[str, str]) -> None:
    """Write the picture of a dashboard that shows the last `span` seconds; needs chromium."""
    document = json.loads(dashboard.read_text(encoding="utf-8"))
    now = time.time()
    source = Source(prometheus, document, chosen, Range(now - span, now))
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "page.html"
        html.write_text(page(document, source), encoding="utf-8")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = [f"--window-size={WIDTH},{height(document)}", f"--force-device-scale-factor={_SCALE}"]
        told = [
            *command,
            *size,
            f"--user-data-dir={folder}/profile",
            f"--screenshot={output.absolute()}",
            html.as_uri(),
        ]
        subprocess.run(told, check=True, capture_output=True, timeout=120)  # noqa: S603 - our own words


@click.command()
@click.argument("dashboards", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--prometheus", default="http://127.0.0.1:9090", show_default=True, metavar="URL")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default="docs", show_default=True)
@click.option("--range", "span", default="24h", show_default=True, help="How far back the picture goes.")
@click.option("--variable", "chosen", multiple=True, metavar="NAME=VALUE", help="What is chosen of a variable.")
def main(dashboards: tuple[Path, ...], prometheus: str, output: Path, span: str, chosen: tuple[str, ...]) -> None:
    """Draw DASHBOARDS, files of JSON, with the data of a running Prometheus; one PNG for each."""
    values = dict(choice.split("=", 1) for choice in chosen)
    for dashboard in dashboards:
        picture = output / f"dashboard-{dashboard.stem}.png"
        draw(dashboard, prometheus, picture, parse_duration(span), values)
        click.echo(picture)


if __name__ == "__main__":
    main()
