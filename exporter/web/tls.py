"""A connection's TLS: the handshake, and whom it lets in."""

import ipaddress
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from exporter.config import ServerTls

_WRONG_SCHEME = b"this port speaks HTTPS, not HTTP\n"
_SPOKE_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_WRONG_SCHEME), _WRONG_SCHEME)
)


class NotLetIn(OSError):
    """A client's certificate has none of the names that are let in."""


def wrap(sock: socket.socket, tls: ServerTls) -> ssl.SSLSocket:
    """Return a socket that is to speak TLS; nothing has been said yet. Raises OSError where the client is gone."""
    return tls.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)


def shake_hands(sock: ssl.SSLSocket, tls: ServerTls) -> None:
    """Agree with the client on TLS, and on its certificate where one is asked for; raises OSError where that fails."""
    try:
        sock.do_handshake()
    except ssl.SSLError as error:
        if error.reason == "HTTP_REQUEST":
            with suppress(OSError):
                socket.socket.sendall(sock, _SPOKE_HTTP)  # past TLS
        raise
    if tls.client_allowed_sans and not _has_one_of(tls.client_allowed_sans, sock.getpeercert()):
        raise NotLetIn("none of the client_allowed_sans is in the client's certificate")


def _has_one_of(names: Collection[str], certificate: Mapping[str, Any] | None) -> bool:
    return any(name in names for name in _alternative_names(certificate or {}))


def _alternative_names(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Yield the subject's alternative names that the toolkit looks at, as it writes them."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind == "IP Address":
            with suppress(ValueError):
                yield str(ipaddress.ip_address(name.strip()))
        elif kind in ("DNS", "email", "URI"):
            yield name
