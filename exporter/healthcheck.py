"""Whether the exporter on this machine is alive, TLS and users or not: `python -m exporter.healthcheck [HOST:PORT]`.

The image's HEALTHCHECK and exec probes start it every few seconds, so it imports little. Exit codes: 0 alive, 1 not
alive (a line says why), 2 wrong usage.
"""

import re
import socket
import ssl
import sys
import time
from collections.abc import Sequence

_ADDRESS = "127.0.0.1:10845"
_WITHIN = 4.0  # seconds, for everything together
_ALIVE = {200, 401, 429}  # healthy; no password was given; more requests than the web file's rate_limit lets in
_SPEAKS_TLS = 400  # what a server that speaks TLS answers to plain HTTP
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_STATUS_LENGTH = len("HTTP/1.1 200 ")


class UnhealthyError(Exception):
    """There is no sign of life; the message tells what there is instead."""


def check(host: str, port: int, within: float = _WITHIN) -> None:
    """Return if an exporter is alive there, over plain HTTP or TLS. Raises `UnhealthyError`, `within` seconds at most.

    Its certificate is not verified: nothing secret is sent. Where it wants one of us, its refusal is a sign of life.
    """
    deadline = time.monotonic() + within
    try:
        status = _status_of(_ask(host, port, deadline))
        if status in (None, _SPEAKS_TLS):
            status = _status_over_tls(host, port, deadline)
    except TimeoutError:
        raise UnhealthyError(f"no answer within {within:g} s") from None
    except OSError as error:
        raise UnhealthyError(error.strerror or str(error)) from None
    if status not in _ALIVE:
        raise UnhealthyError(f"it answers HTTP {status}" if status else "it does not speak HTTP")


def _ask(host: str, port: int, deadline: float) -> bytes:
    with socket.create_connection((host, port), _left(deadline)) as sock:
        return _answer(sock, deadline)


def _status_over_tls(host: str, port: int, deadline: float) -> int | None:
    """Return the status that is answered over TLS; 401 also where TLS itself refuses us, None for what is not HTTP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), _left(deadline)) as plain:
        plain.settimeout(_left(deadline))
        try:
            sock = context.wrap_socket(plain)
        except ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):  # the server's own words, such as that it wants a certificate
                return 401
            raise UnhealthyError(f"it speaks neither HTTP nor TLS: {error.reason or 'it hung up'}") from None
        with sock:
            # With TLS 1.3 both sides have shaken hands before the server looks at the client's certificate.
            answer = _answer(sock, deadline)
            return _status_of(answer) if answer else 401


def _answer(sock: socket.socket, deadline: float) -> bytes:
    """Ask, and return how the answer begins: nothing where the connection is closed instead."""
    answer = b""
    try:
        sock.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while len(answer) < _STATUS_LENGTH:
            sock.settimeout(_left(deadline))
            received = sock.recv(_STATUS_LENGTH)
            if not received:
                break
            answer += received
    except (ConnectionError, ssl.SSLError):
        return b""
    return answer


def _status_of(answer: bytes) -> int | None:
    match = _STATUS.match(answer)
    return int(match[1]) if match else None


def _left(deadline: float) -> float:
    """Return the seconds that are left; raises `TimeoutError` where none are."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def main(arguments: Sequence[str]) -> int:
    """Check the address that is given, or the default one; say what is wrong, and return the exit code."""
    address = arguments[0] if arguments else _ADDRESS
    host, _, port = address.rpartition(":")
    if len(arguments) > 1 or not host or not port.isascii() or not port.isdecimal():
        sys.stderr.write(f"expected one HOST:PORT such as {_ADDRESS}, got {' '.join(arguments)!r}\n")
        return 2
    try:
        check(host.strip("[]"), int(port))
    except UnhealthyError as error:
        sys.stderr.write(f"{address}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
