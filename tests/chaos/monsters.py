"""Answers that are meant to take memory, time or the stack; each as the pieces that go over the wire."""

import gzip
from collections.abc import Iterator
from functools import cache

_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_PIECE = 64 * 1024
_GIGABYTE = 1 << 30
_DEPTH = 500_000
_MEMBER = 16 << 20
_BEGINNING = b'{"result": true, "code": 200, "data": '


def gigabyte() -> Iterator[bytes]:
    """Yield an answer of 1 GiB that says so."""
    yield f"{_HEAD}Content-Length: {_GIGABYTE}\r\n\r\n".encode()
    yield _BEGINNING + b'"'
    for _ in range(_GIGABYTE // _PIECE):
        yield b"x" * _PIECE


def endless() -> Iterator[bytes]:
    """Yield an answer that goes on for as long as somebody reads it."""
    yield f"{_HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()
    rows = b"{}, " * (_PIECE // 4)
    yield _chunk(_BEGINNING + b"[")
    while True:
        yield _chunk(rows)


def deep() -> Iterator[bytes]:
    """Yield half a million lists, one within the other."""
    yield from _whole(_BEGINNING + b"[" * _DEPTH + b"]" * _DEPTH + b"}")


def crowded() -> Iterator[bytes]:
    """Yield as many values as fit into the largest answer that is read."""
    yield from _whole(_BEGINNING + b"[" + b"{}," * 10_000_000 + b"{}]}")


def bomb() -> Iterator[bytes]:
    """Yield 1 GiB of blanks, packed by gzip into a thousandth of that."""
    yield from _whole(_packed_blanks() * (_GIGABYTE // _MEMBER), "gzip")


def bomb_in_a_bomb() -> Iterator[bytes]:
    """Yield that once more packed."""
    yield from _whole(gzip.compress(_packed_blanks() * (_GIGABYTE // _MEMBER)), "gzip, gzip")


@cache
def _packed_blanks() -> bytes:
    return gzip.compress(b" " * _MEMBER)


def _whole(body: bytes, packed_by: str = "identity") -> Iterator[bytes]:
    yield f"{_HEAD}Content-Encoding: {packed_by}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    yield body


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
