"""tls_server_config of the web config file: which certificate is shown, to whom, over which TLS.

The keys and their meaning are those of the Prometheus exporter-toolkit (docs/web-configuration.md). What Python's ssl
cannot do is a fault, never left out in silence.
"""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, PrivateAttr, model_validator

from exporter.config.faults import OutOfReach
from exporter.config.model import Finding, Model, Rule
from exporter.config.places import ExistingFile
from exporter.config.rules import at_most_one, exactly_one
from exporter.config.scalars import Flag, Reads, Some, Text, UntoldText, did_you_mean
from exporter.config.secret import Secret
from exporter.config.words import shown

_PEM_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_PEM_KEY = re.compile(r"-----BEGIN (RSA |EC )?PRIVATE KEY-----")

# The names of Go's crypto/tls. Those of TLS 1.3 are always on, there as here, and have no name of OpenSSL's to set.
_ECDHE = {
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
}
_CIPHERS = {
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
    **{
        f"TLS_ECDHE_{kind}_WITH_{suite}": f"ECDHE-{kind}-{name}"
        for kind in ("ECDSA", "RSA")
        for suite, name in _ECDHE.items()
    },
}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_VERIFIED = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")

ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]
Version = Literal["TLS12", "TLS13"]


def _read_client_auth(value: object) -> object:
    if value in _UNVERIFIED:
        raise ValueError(f"{value} is not offered, for any certificate would do: use RequireAndVerifyClientCert")
    if not isinstance(value, str) or value not in _VERIFIED:
        raise ValueError(f"expected {', '.join(_VERIFIED)}, got {shown(value)}")
    return value


def _read_version(value: object) -> object:
    if value in ("TLS10", "TLS11"):
        raise ValueError(f"{value} is broken (RFC 8996) and not offered: expected TLS12 or TLS13")
    if not isinstance(value, str) or value not in _VERSIONS:
        raise ValueError(f"expected TLS12 or TLS13, got {shown(value)}")
    return value


def _named(names: Mapping[str, str], what: str) -> Reads:
    def read(value: object) -> object:
        if not isinstance(value, str) or value not in names:
            folded = {name.lower(): name for name in names}
            raise ValueError(f"unknown {what}{did_you_mean(folded[n] for n in [str(value).lower()] if n in folded)}")
        return value

    return Reads(read, {"type": "string", "enum": list(names)})


def _check_certificates(text: str) -> None:
    if _PEM_CERTIFICATE not in text:
        raise ValueError("expected a certificate in PEM")


def _check_key(text: str) -> None:
    if "ENCRYPTED" in text:
        raise ValueError("a key behind a passphrase cannot be used: nobody is there to type it")
    if not _PEM_KEY.search(text):
        raise ValueError("expected a private key in PEM")


def _check_inline_certificates(text: str) -> str:
    _check_certificates(text)
    return text


def _check_inline_key(secret: Secret) -> Secret:
    _check_key(secret.reveal())
    return secret


def _check_certificate_file(path: Path) -> Path:
    _check_certificates(_text(path))
    return path


def _check_key_file(path: Path) -> Path:
    _check_key(_text(path))
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except PermissionError as error:
        raise ValueError(f"cannot read this file: {error.strerror}") from None
    except OSError as error:
        raise OutOfReach(path, error) from None


Certificates = Annotated[UntoldText, AfterValidator(_check_inline_certificates)]
CertificateFile = Annotated[ExistingFile, AfterValidator(_check_certificate_file)]
Key = Annotated[Secret, AfterValidator(_check_inline_key)]
KeyFile = Annotated[ExistingFile, AfterValidator(_check_key_file)]


def _keys_agree(given: Mapping[str, object]) -> Iterator[Finding]:
    """Yield what the toolkit refuses as well, and what would have no effect there without a word."""
    verified = given.get("client_auth_type", "NoClientCert") != "NoClientCert"
    for key in ("client_ca", "client_ca_file", "client_allowed_sans"):
        if key in given and not verified:
            yield (key,), "has no effect without a client_auth_type such as RequireAndVerifyClientCert"
    if given.get("min_version") == "TLS13" and given.get("max_version") == "TLS12":
        yield ("max_version",), "is below min_version"
    suites = given.get("cipher_suites")
    only_13 = isinstance(suites, list) and suites and all(isinstance(s, str) and _CIPHERS.get(s) == "" for s in suites)
    if only_13 and given.get("min_version") != "TLS13":
        yield ("cipher_suites",), "names none for TLS 1.2: add one, or min_version: TLS13"
    curves = given.get("curve_preferences")
    if isinstance(curves, list) and len(curves) > 1:
        yield ("curve_preferences",), "Python's ssl takes one curve alone: name that one, or leave the key out"


class ServerTls(Model):
    """The certificate that is shown, and who is let in; `context` holds all of it, ready for use."""

    rules = (
        exactly_one("cert", "cert_file"),
        exactly_one("key", "key_file"),
        at_most_one("client_ca", "client_ca_file"),
        Rule(_keys_agree),
    )

    cert: Certificates | None = None
    """The certificate, PEM, with those between it and its authority."""
    cert_file: CertificateFile | None = None
    """A file with that certificate; re-read when it changes."""
    key: Key | None = None
    """The certificate's key, PEM."""
    key_file: KeyFile | None = None
    """A file with that key; re-read when it changes."""
    client_auth_type: Annotated[ClientAuth, Reads(_read_client_auth, {"enum": list(get_args(ClientAuth))})] = (
        "NoClientCert"
    )
    """Whether clients must show a certificate."""
    client_ca: Certificates | None = None
    """The authorities of clients' certificates, PEM; without them those of the system."""
    client_ca_file: CertificateFile | None = None
    """A file with those authorities; re-read when it changes."""
    client_allowed_sans: Some[Text] | None = None
    """A client's certificate must have one of these as DNS name, IP or e-mail address, or URI."""
    min_version: Annotated[Version, Reads(_read_version, {"enum": list(_VERSIONS)})] = "TLS12"
    """The oldest TLS to speak."""
    max_version: Annotated[Version, Reads(_read_version, {"enum": list(_VERSIONS)})] = "TLS13"
    """The newest TLS to speak."""
    cipher_suites: Some[Annotated[str, _named(_CIPHERS, "cipher suite")]] | None = None
    """The cipher suites of TLS 1.2, by Go's names; those of TLS 1.3 are always on."""
    prefer_server_cipher_suites: Flag = True
    """Choose by the order of cipher_suites, not by the client's."""
    curve_preferences: Some[Annotated[str, _named(_CURVES, "curve")]] | None = None
    """The one curve to use."""

    _context: ssl.SSLContext = PrivateAttr()

    @property
    def context(self) -> ssl.SSLContext:
        """What connections are wrapped with; holds the certificates as they were when the file was read."""
        return self._context

    @property
    def files(self) -> tuple[Path, ...]:
        """The files whose change changes the context."""
        return tuple(filter(None, (self.cert_file, self.key_file, self.client_ca_file)))

    @model_validator(mode="after")
    def _load(self) -> Self:
        self._context = make_context(self)
        return self


def make_context(tls: ServerTls) -> ssl.SSLContext:
    """Return a context for servers; raises ValueError, for the user, where key and certificate are no pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    context.verify_mode = _VERIFIED[tls.client_auth_type]
    context.set_alpn_protocols(["http/1.1"])
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    suites = [_CIPHERS[suite] for suite in tls.cipher_suites or () if _CIPHERS[suite]]
    if suites:
        context.set_ciphers(":".join(suites))
    for curve in tls.curve_preferences or ():
        context.set_ecdh_curve(_CURVES[curve])
    _load_pair(context, tls)
    if context.verify_mode is not ssl.CERT_NONE:
        _load_authorities(context, tls)
    return context


def _load_pair(context: ssl.SSLContext, tls: ServerTls) -> None:
    inline_key = tls.key.reveal() if tls.key else None
    with _as_file(tls.cert, tls.cert_file) as cert, _as_file(inline_key, tls.key_file) as key:
        try:
            context.load_cert_chain(cert, key, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ValueError("the key is not that of the certificate") from None
            raise ValueError(f"the certificate or its key cannot be used: {error.reason or 'damaged'}") from None
        except OSError as error:
            raise ValueError(f"the certificate or its key cannot be read: {error.strerror}") from None


def _load_authorities(context: ssl.SSLContext, tls: ServerTls) -> None:
    try:
        if tls.client_ca or tls.client_ca_file:
            context.load_verify_locations(cafile=tls.client_ca_file, cadata=tls.client_ca)
        else:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    except ssl.SSLError as error:
        raise ValueError(f"the clients' authorities cannot be used: {error.reason}") from None
    except OSError as error:
        raise ValueError(f"the clients' authorities cannot be read: {error.strerror}") from None


@contextmanager
def _as_file(text: str | None, path: Path | None) -> Iterator[str]:
    """Give the name of a file with a PEM text; one that stands in the config goes to memory, to no disk."""
    if path is not None:
        yield str(path)
        return
    descriptor = os.memfd_create("pem")
    try:
        with os.fdopen(descriptor, "w", closefd=False) as file:
            file.write(text or "")
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
