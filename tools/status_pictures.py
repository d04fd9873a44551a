"""Takes the pictures of the status page that the documents show, of a demo that runs for half a minute."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Page, ViewportSize, sync_playwright

_DOCS = Path(__file__).parents[1] / "docs"
_COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
_SIZE: ViewportSize = {"width": 1280, "height": 1180}
_PHONE: ViewportSize = {"width": 390, "height": 844}
_LIVELY_AFTER = 45.0  # seconds, by when new alerts run towards their deadlines


def take_pictures(folder: Path) -> None:
    """Write the pictures of the page in light and dark, of an alert's story and of a phone; needs Debian's chromium."""
    with _demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for name, scheme in (("status-page", "light"), ("status-page-dark", "dark")):
            page = browser.new_page(viewport=_SIZE, color_scheme=scheme)  # type: ignore[arg-type] # one of two words
            page.goto(f"{url}/")
            _save(page, folder / f"{name}.png")
        page.goto(f"{url}/?acked=true&sort=-created")
        page.locator("#alert-table .name").first.click()
        page.locator(".timeline").wait_for()
        _save(page, folder / "alert-page.png")
        page = browser.new_page(viewport=_PHONE, reduced_motion="reduce")
        page.goto(f"{url}/#alerts")
        _save(page, folder / "status-page-phone.png")
        browser.close()


def _save(page: Page, path: Path) -> None:
    page.screenshot(path=path)
    print(f"{path.name}: {path.stat().st_size // 1000} kB")  # noqa: T201 - a tool's output


@contextmanager
def _demo() -> Iterator[str]:
    """Give the address of a demo that was scraped and left to live for a while."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        with path.open("w") as log:
            demo = subprocess.Popen([_COMMAND, "demo", "--web.listen-address=127.0.0.1:0"], stderr=log)  # noqa: S603
        try:
            url = _address(path)
            requests.get(f"{url}/metrics", timeout=10)  # a series is born by a scrape
            time.sleep(_LIVELY_AFTER)
            yield url
        finally:
            demo.terminate()
            demo.wait(15)


def _address(log: Path) -> str:
    for _ in range(100):
        found = re.search(r"status page +(http://\S+)/", log.read_text())
        if found:
            return found[1]
        time.sleep(0.2)
    raise SystemExit(f"the demo did not start:\n{log.read_text()}")


if __name__ == "__main__":
    take_pictures(_DOCS)
