"""Answers of a source, byte by byte as its socket gives them, through transport and reading into totals.

An input is a number of answers, divided by `DIVIDER`. The first letter of an answer says whether a log (`L`) or a
search (`S`) is asked for, the second one what stands behind: the body as JSON (`J`), the same to be packed by gzip
(`Z`), a body that is said to be packed by gzip (`G`) or deflate (`D`), or the whole answer of HTTP (`H`).
"""

import gzip
import json
import math
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from unittest.mock import patch
from zoneinfo import ZoneInfo

from exporter.blueking import BlueKing, BlueKingError, Head, Page, SearchQuery, read_body, read_log
from exporter.config import SearchSettings
from exporter.flow.advance import Policy, advance, see
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Observations, Total
from exporter.flow.records import Log
from exporter.watch.search import SearchPages
from tests.blueking.clients import SECRET, make_source

DIVIDER = b"\n%%\n"
BORN = 1_700_000_000.0
ALERT_ID = "170000000000042"
POLICY = Policy(settle=10, max_age=86_400)

_LARGEST = 100_000  # bytes that a pair of sockets holds while nobody reads
_MOST_ANSWERS = 6
_LONGEST_MESSAGE = 1000
_EARLIEST = 1_262_304_000.0  # 2010-01-01
_DAY = 86_400.0
_SOURCE = make_source("http://bk.test")
_HEAD = Head("get_event_log", 200)
_ZONE = ZoneInfo("Asia/Shanghai")
_QUERY = SearchQuery(bk_biz_ids=(2, 3), start=BORN - 60, end=BORN)
_SEARCH = SearchSettings(bk_biz_ids=(2, 3))
_LABELS = {
    b"G": b"Content-Encoding: gzip\r\n",
    b"Z": b"Content-Encoding: gzip\r\n",
    b"D": b"Content-Encoding: deflate\r\n",
}


@dataclass(slots=True)
class Story:
    """What one alert's answers came to so far, and by another way of counting what they should."""

    known: KnownAlert
    now: float = BORN + 100
    counted: Counter[str] = field(default_factory=Counter)
    most_shown: Counter[str] = field(default_factory=Counter)
    told_once: Counter[Total] = field(default_factory=Counter)

    def read(self, log: Log) -> None:
        """Advance by a log; it counts each row once, and nothing when it is read again."""
        before = self.known
        self.known, observations = advance(before, log, now=self.now, policy=POLICY)
        again, nothing = advance(self.known, log, now=self.now, policy=POLICY)
        assert (replace(again, quiet_reads=self.known.quiet_reads), nothing) == (self.known, ())
        self._add(observations)
        plausible = (row for row in log.records if _EARLIEST <= row.created_at <= self.now + _DAY)
        self.most_shown |= Counter(row.operate for row in plausible)
        assert self.counted == self.most_shown

    def _add(self, observations: Observations) -> None:
        for told in observations:
            for name, value in told.labels:
                assert name.isidentifier()
                assert value.encode().decode() == value
            if isinstance(told, Count):
                assert told.amount >= 0
                if told.total is Total.RECORDS:
                    self.counted[dict(told.labels)["operate"]] += told.amount
            else:
                assert told.seconds >= 0
                assert math.isfinite(told.seconds)
            if told.total not in (Total.RECORDS, Total.RECORDS_REJECTED):
                self.told_once[told.total] += told.amount if isinstance(told, Count) else 1
        assert not self.told_once or max(self.told_once.values()) <= 1


def run(inputs: bytes) -> None:
    """Ask for each answer of an input: it is read, or one of our errors; no total falls, and no row counts twice."""
    story_of(inputs)


def story_of(inputs: bytes) -> Story:
    """Return what the answers of an input come to; an input that ends a line is of an alert with an ack target."""
    target = 300.0 if inputs.endswith(b"\n") else None
    story = Story(KnownAlert("prod", ALERT_ID, make_labels({"source": "prod"}), BORN, ack_target=target))
    with closing(BlueKing(_SOURCE, observe=lambda *_: None, now=lambda: story.now)) as client:
        for answer in inputs[:_LARGEST].split(DIVIDER)[:_MOST_ANSWERS]:
            with connections_get(http(answer[1:2], answer[2:])):
                _ask(client, story, answer)
            story.now += 60
    return story


def logs(inputs: bytes) -> None:
    """The same for the bodies of logs alone, without a way for them to come: a hundred times as many in a second."""
    story = Story(KnownAlert("prod", ALERT_ID, make_labels({"source": "prod"}), BORN, ack_target=300.0))
    for body in inputs.split(DIVIDER):
        try:
            log = read_log(read_body(body, _HEAD), _ZONE, _HEAD)
        except BlueKingError as error:
            _check_error(error)
        else:
            story.read(log)
            _check_rows(json.loads(body)["data"], len(log.records) + sum(log.rejected.values()), is_search=False)
        story.now += 60


def http(form: bytes, body: bytes) -> bytes:
    """Return the answer of HTTP that a body in this form makes."""
    if form == b"H":
        return body
    packed = gzip.compress(body, 1) if form == b"Z" else body
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (_LABELS.get(form, b""), len(packed)) + packed


@contextmanager
def connections_get(answer: bytes) -> Iterator[None]:
    """Give whoever connects meanwhile `answer` and then the end, over a socket of its own."""
    servers: list[socket.socket] = []

    def connect(*_address: object, **_options: object) -> socket.socket:
        client, server = socket.socketpair()
        servers.append(server)
        server.sendall(answer)
        server.shutdown(socket.SHUT_WR)
        return client

    with patch("urllib3.util.connection.create_connection", connect):
        try:
            yield
        finally:
            for server in servers:
                server.close()


def _ask(client: BlueKing, story: Story, answer: bytes) -> None:
    form, body = answer[1:2], answer[2:]
    try:
        if answer[:1] == b"S":
            page = client.search_alert(_QUERY)
            _look(page, story)
            found = len(page.sightings)
        else:
            log = client.get_event_log(ALERT_ID)
            story.read(log)
            found = len(log.records) + sum(log.rejected.values())
    except BlueKingError as error:
        _check_error(error)
        return
    if form in (b"J", b"Z"):
        _check_rows(json.loads(body)["data"], found, is_search=answer[:1] == b"S")


def _look(page: Page, story: Story) -> None:
    assert page.total >= 0
    assert len({sighting.alert_id for sighting in page.sightings}) == len(page.sightings)
    SearchPages(_SEARCH, BORN - 60, BORN).take(page)
    for sighting in page.sightings:
        if sighting.alert_id == ALERT_ID:
            story.known = see(story.known, sighting, story.now)


def _check_rows(content: object, found: int, *, is_search: bool) -> None:
    """Hold that no row was lost; of a search several may be of one alert."""
    if is_search:
        rows = content.get("alerts") if isinstance(content, dict) else None
        assert found <= (len(rows) if isinstance(rows, list) else 0)
    elif isinstance(content, list):
        assert found == len(content)
    else:
        assert found == int(bool(content))


def _check_error(error: BlueKingError) -> None:
    text = str(error)
    assert error.reason
    assert text.isprintable()
    assert len(text) <= _LONGEST_MESSAGE
    assert SECRET not in text
    assert (error.__cause__, error.__context__) == (None, None)
