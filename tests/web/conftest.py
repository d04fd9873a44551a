"""A real browser for the tests of the pages, and a page to look at."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.browsing import Site, looked_at, watched


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Give Debian's Chromium, headless; one for all tests of a worker, each with a context of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a served status page."""
    with ExitStack() as closing:
        yield Site(watched(), closing)


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """Give the status page, looked at."""
    with looked_at(chromium, f"{site.url}/") as page:
        yield page
