"""Scrapes servers in turn, as Prometheus does: over a connection that stays open, one scrape after the other."""

import gzip
import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from bench.servers import Server
from bench.timing import Quantity

_ROUNDS = 5
_SECONDS_PER_ROUND = 1.5
_TIMEOUT = 30.0
_SCRAPE_INTERVAL = 15.0
_SCRAPES = 4


@dataclass(frozen=True, slots=True)
class Scraped:
    """What scrapes of one server were like: the client's median latency and pace, the server's CPU for each."""

    series: int
    size: Quantity
    latency: Quantity
    cpu: Quantity
    pace: Quantity


class _Client:
    def __init__(self, server: Server, accept_encoding: str) -> None:
        self._server = server
        self._headers = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": accept_encoding}
        self._connection = http.client.HTTPConnection(server.address, timeout=_TIMEOUT)
        self._cpu = 0.0
        self._seconds: list[float] = []
        self._series, self._size = self._look()

    def scrape_for(self, seconds: float) -> None:
        cpu, until = self._server.cpu(), time.perf_counter() + seconds
        while time.perf_counter() < until:
            self.scrape()
        self._cpu += self._server.cpu() - cpu

    def scrape(self) -> None:
        started = time.perf_counter()
        self._body()
        self._seconds.append(time.perf_counter() - started)

    def scraped(self) -> Scraped:
        count, total = len(self._seconds), sum(self._seconds)
        return Scraped(
            series=self._series,
            size=Quantity(self._size, "bytes"),
            latency=Quantity(median(self._seconds), "s"),
            cpu=Quantity(self._cpu / count, "s"),
            pace=Quantity(self._series * count / total, "series/s"),
        )

    def _look(self) -> tuple[int, int]:
        body, encoding = self._body()
        text = gzip.decompress(body) if encoding == "gzip" else body
        return sum(bool(line) and not line.startswith(b"#") for line in text.splitlines()), len(body)

    def _body(self) -> tuple[bytes, str | None]:
        self._connection.request("GET", "/metrics", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{self._server.url}/metrics answers {answer.status}: {body[:200]!r}")
        return body, answer.getheader("Content-Encoding")


def scrape_in_turn(servers: Mapping[str, Server], accept_encoding: str) -> dict[str, Scraped]:
    """Return how each server's scrapes were; several rounds, so that a noisy machine is noisy for all."""
    clients = {name: _Client(server, accept_encoding) for name, server in servers.items()}
    for _ in range(_ROUNDS):
        for client in clients.values():
            client.scrape_for(_SECONDS_PER_ROUND)
    return {name: client.scraped() for name, client in clients.items()}


def cpu_of_a_minute(servers: Mapping[str, Server]) -> dict[str, Quantity]:
    """Return the seconds of CPU of each server in a minute in which it is scraped every 15 s, gzip accepted."""
    clients = {name: _Client(server, "gzip") for name, server in servers.items()}
    before = {name: server.cpu() for name, server in servers.items()}
    for _ in range(_SCRAPES):
        for client in clients.values():
            client.scrape()
        time.sleep(_SCRAPE_INTERVAL)
    return {name: Quantity(server.cpu() - before[name], "s") for name, server in servers.items()}
