"""Certificates that nobody but a test trusts, and a web config file that uses them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bcrypt
import trustme
import yaml

PASSWORD = "open sesame, and a ümlaut"


def hashed(password: str = PASSWORD, cost: int = 4) -> str:
    """Return a bcrypt hash as htpasswd writes it; 4 is the cheapest cost there is."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode().replace("$2b$", "$2y$", 1)


class Authority:
    """An authority in a folder: `ca.pem`, and what it issues there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue_server(self, key_type: trustme.KeyType = trustme.KeyType.ECDSA) -> None:
        """Write `server.crt` and `server.key`, anew where they are there already, as a renewal does."""
        issued = self._ca.issue_cert("127.0.0.1", "localhost", key_type=key_type)
        self._replace("server.crt", b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        self._replace("server.key", issued.private_key_pem.bytes())

    def issue_client(self, name: str) -> Path:
        """Return a file with a client's certificate for `name`, and its key."""
        file = self.folder / "client.pem"
        self._ca.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(file))
        return file

    def _replace(self, name: str, content: bytes) -> None:
        new = self.folder / f"{name}.new"
        new.write_bytes(content)
        new.replace(self.folder / name)


def write_web_file(folder: Path, tls: Mapping[str, object] | None = None, **sections: Any) -> Path:
    """Return a web config file with these sections; `tls` is added to the files of `issue_server`. None: no TLS."""
    if tls is not None:
        sections["tls_server_config"] = {"cert_file": "server.crt", "key_file": "server.key", **tls}
    file = folder / "web.yaml"
    new = folder / "web.yaml.new"
    new.write_text(yaml.safe_dump(sections))
    os.replace(new, file)  # noqa: PTH105 - at once, as a careful editor does
    return file
