"""Preparing: what `requests` checks and writes anew for each request, done once for all that differ in their query."""

from copy import copy
from urllib.parse import urlencode

import requests


class Preparer:
    """Prepares the requests to one source; thread-safe.

    Addresses have no query of their own (the config takes none).
    """

    def __init__(self) -> None:
        self._forms: dict[str, tuple[list[tuple[str, str]], requests.PreparedRequest]] = {}

    def prepare(self, request: requests.Request) -> requests.PreparedRequest:
        """Return what `request.prepare()` returns, and raise what it raises; the headers of a GET are shared."""
        if request.method != "GET":
            return request.prepare()
        prepared = copy(self._form(request))
        prepared.url = f"{prepared.url}?{urlencode(request.params)}"
        return prepared

    def _form(self, request: requests.Request) -> requests.PreparedRequest:
        """Return the request without its query; it is prepared anew where a header changed, as secrets may."""
        headers = list(request.headers.items())
        known = self._forms.get(request.url)
        if known is not None and known[0] == headers:
            return known[1]
        form = requests.Request("GET", request.url, headers=request.headers).prepare()
        self._forms[request.url] = headers, form
        return form
