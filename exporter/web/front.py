"""The front of the web server: who comes for a scrape is answered at once, the others by the pages."""

import threading
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Front:
    """A WSGI application that hands scrapes of `telemetry_path` to `scrapes`, all else to what `make_pages` returns.

    That is called once, by the first request that needs it, while others that do wait: what the pages are made of
    takes its time to import, and a start should not wait for it.
    """

    def __init__(
        self, telemetry_path: str, scrapes: WSGIApplication, make_pages: Callable[[], WSGIApplication]
    ) -> None:
        self._telemetry_path = telemetry_path
        self._scrapes = scrapes
        self._make_pages = make_pages
        self._making = threading.Lock()
        self._made: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as WSGI has it."""
        is_scrape = environ["PATH_INFO"] == self._telemetry_path and environ["REQUEST_METHOD"] in ("GET", "HEAD")
        return (self._scrapes if is_scrape else self._pages())(environ, start_response)

    def _pages(self) -> WSGIApplication:
        with self._making:
            if self._made is None:
                self._made = self._make_pages()
            return self._made
