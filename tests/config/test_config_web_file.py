"""The web config file: what of the exporter-toolkit's format is understood, and all that may be wrong with it."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
import yaml

from exporter.config import ConfigError, OutOfReach, WebFile, load_web_file

HASH = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"
PAIR = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
DOCS = Path(__file__).parents[2] / "docs"

# docs/web-config.yml of the exporter-toolkit, without its comments.
TOOLKIT_SAMPLE = """\
tls_server_config:
  cert_file: server.crt
  key_file: server.key

basic_auth_users:
  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze
  bob: $2y$10$hLqFl9jSjoAAy95Z/zw8Ye8wkdMBM8c5Bn1ptYqP/AXyV0.oy0S8m

rate_limit:
  interval: "1s"
  burst: 20
"""


@pytest.fixture(autouse=True)
def _certificates(tmp_path: Path) -> None:
    """Lay a certificate with its key beside the file, the key of another one, and an authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issued = authority.issue_cert("localhost")
    (tmp_path / "server.crt").write_bytes(issued.cert_chain_pems[0].bytes())
    issued.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    authority.issue_cert("localhost").private_key_pem.write_to_path(str(tmp_path / "other.key"))


def load(folder: Path, text: str) -> WebFile:
    """Return what a web config file with this text says."""
    file = folder / "web.yaml"
    file.write_text(text)
    return load_web_file(file)


def faults(folder: Path, text: str) -> list[str]:
    """Return what is wrong with a web config file, without the folder's name."""
    with pytest.raises(ConfigError) as refused:
        load(folder, text)
    return str(refused.value).replace(f"{folder}/", "").splitlines()


def test_the_sample_of_the_toolkit_loads(tmp_path: Path) -> None:
    """With all that it says."""
    web_file = load(tmp_path, TOOLKIT_SAMPLE)

    assert list(web_file.basic_auth_users) == ["alice", "bob"]
    assert web_file.tls_server_config is not None
    assert (web_file.rate_limit.interval, web_file.rate_limit.burst) == (1.0, 20)


def test_our_example_loads(tmp_path: Path) -> None:
    """As it stands, and with each key that is in a comment, but for the policy that would take the page's place."""
    example = (DOCS / "web.example.yaml").read_text()
    uncommented = re.sub(r"(?m)^( *)# (?=[A-Za-z0-9_-]+: )", r"\1", example)

    plain, whole = load(tmp_path, example), load(tmp_path, uncommented)

    assert bcrypt.checkpw(b"change-me", plain.basic_auth_users["prometheus"].reveal().encode())
    assert whole.rate_limit.burst == 100
    assert set(given_keys(yaml.safe_load(uncommented))) == set(known_keys(WebFile.model_json_schema())) - INLINE


INLINE = {"tls_server_config.cert", "tls_server_config.key", "tls_server_config.client_ca"}


def known_keys(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the keys of a schema and of its sections."""
    definitions = schema.get("$defs", {})
    for name, key in schema["properties"].items():
        yield f"{prefix}{name}"
        for choice in key.get("anyOf", [key]):
            if "$ref" in choice:
                yield from known_keys(definitions[choice["$ref"].rpartition("/")[2]], f"{prefix}{name}.")


def given_keys(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the keys of a file, but for the names of users and headers."""
    for name, inner in value.items():
        yield f"{prefix}{name}"
        if isinstance(inner, dict) and name not in ("basic_auth_users", "headers"):
            yield from given_keys(inner, f"{prefix}{name}.")


def test_the_documents_have_every_key(tmp_path: Path) -> None:
    """docs/tls-and-users.md has one row for each key, in the order of the models."""
    rows = re.findall(r"(?m)^\| `([^`]+)` \|", (DOCS / "tls-and-users.md").read_text())
    inline = load(
        tmp_path, "tls_server_config:\n  cert: |\n" + indented(tmp_path / "server.crt") + "  key_file: server.key"
    )

    assert rows == list(known_keys(WebFile.model_json_schema()))
    assert inline.tls_server_config is not None


def indented(file: Path) -> str:
    """Return a PEM file as the text of a key."""
    return "".join(f"    {line}\n" for line in file.read_text().splitlines())


def test_certificates_may_stand_in_the_file(tmp_path: Path) -> None:
    """Certificate, key and authority as texts; the key shows nowhere."""
    texts = {"cert": "server.crt", "key": "server.key", "client_ca": "ca.pem"}
    inline = "".join(f"  {key}: |\n{indented(tmp_path / name)}" for key, name in texts.items())

    web_file = load(tmp_path, f"tls_server_config:\n{inline}  client_auth_type: RequireAndVerifyClientCert\n")

    assert web_file.tls_server_config is not None
    assert web_file.tls_server_config.context.verify_mode is ssl.CERT_REQUIRED
    assert len(web_file.tls_server_config.context.get_ca_certs()) == 1
    assert "PRIVATE" not in repr(web_file) + web_file.model_dump_json(exclude={"tls_server_config": {"cert"}})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "client_auth_type: RequireAnyClientCert",
            "client_auth_type: RequireAnyClientCert is not offered, for any certificate would do",
        ),
        (
            "client_auth_type: RequestClientCert",
            "client_auth_type: RequestClientCert is not offered, for any certificate would do",
        ),
        ("client_auth_type: Always", "client_auth_type: expected NoClientCert, VerifyClientCertIfGiven, "),
        ("client_auth_type: [x]", "client_auth_type: expected NoClientCert, VerifyClientCertIfGiven, "),
        ("client_ca_file: ca.pem", "client_ca_file: has no effect without a client_auth_type"),
        ("client_allowed_sans: [x]", "client_allowed_sans: has no effect without a client_auth_type"),
        ("min_version: TLS10", "min_version: TLS10 is broken (RFC 8996) and not offered: expected TLS12 or TLS13"),
        ("max_version: 1.2", "max_version: expected TLS12 or TLS13, got 1.2"),
        ("{min_version: TLS13, max_version: TLS12}", "max_version: is below min_version"),
        (
            "cipher_suites: [tls_aes_128_gcm_sha256]",
            "cipher_suites[0]: unknown cipher suite (did you mean TLS_AES_128_GCM_SHA256?)",
        ),
        (
            "cipher_suites: [TLS_AES_128_GCM_SHA256]",
            "cipher_suites: names none for TLS 1.2: add one, or min_version: TLS13",
        ),
        ("curve_preferences: [CurveP257]", "curve_preferences[0]: unknown curve"),
        ("curve_preferences: [X25519, CurveP256]", "curve_preferences: Python's ssl takes one curve alone"),
        ("prefer_server_cipher_suites: 1", "prefer_server_cipher_suites: expected true or false, got 1"),
        ("cert: x", "cert: contradicts cert_file: give one of cert, cert_file"),
        ("cert_fil: x", "cert_fil: unknown key (did you mean cert_file?)"),
    ],
)
def test_what_cannot_be_honoured_is_a_fault(more: str, message: str, tmp_path: Path) -> None:
    """Each key of TLS that Python cannot do, or that would have no effect, is told where it stands."""
    given = yaml.safe_load(more) if not more.startswith("{") else None
    lines = [more] if given is not None else more.strip("{}").split(", ")

    told = faults(tmp_path, PAIR + "".join(f"  {line}\n" for line in lines))

    assert any(line.startswith(f"web.yaml:{3 + len(lines)}: tls_server_config.{message}") for line in told)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tls_server_config: {}", "tls_server_config: expected one of cert, cert_file"),
        ("tls_server_config: {cert_file: server.crt}", "tls_server_config: expected one of key, key_file"),
        (PAIR.replace("server.key", "gone"), "tls_server_config.key_file: no such file"),
        (PAIR.replace("server.key", "other.key"), "tls_server_config: the key is not that of the certificate"),
        (PAIR.replace("server.key", "server.crt"), "tls_server_config.key_file: expected a private key in PEM"),
        (PAIR.replace("server.crt", "server.key"), "tls_server_config.cert_file: expected a certificate in PEM"),
        ("tls_server_config: {cert: hush, key: hush}", "tls_server_config.key: expected a private key in PEM"),
        (
            "tls_server_config: {cert_file: server.crt, key: '-----BEGIN ENCRYPTED PRIVATE KEY-----'}",
            "tls_server_config.key: a key behind a passphrase",
        ),
        (
            "tls_server_config: {cert_file: server.crt, key: '-----BEGIN PRIVATE KEY-----'}",
            "tls_server_config: the certificate or its key cannot be used: damaged",
        ),
        ("basic_auth_users: {alice: hush}", "basic_auth_users.alice: expected a bcrypt hash such as `htpasswd"),
        (f'basic_auth_users: {{"a:b": {HASH}}}', "basic_auth_users.a…: expected a user's name, without a colon"),
        ("basic_auth_users: [alice]", "basic_auth_users: expected a mapping, got a list"),
        ("http_server_config: {headers: {Server: x}}", "http_server_config.headers.Server: cannot be set here"),
        (
            "http_server_config: {headers: {x-frame-options: deny}}",
            "http_server_config.headers.x-frame-options: cannot be set here (did you mean X-Frame-Options?)",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: allow}}",
            'http_server_config.headers.X-Frame-Options: expected deny or sameorigin, got "allow"',
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "1\\r\\nX: y"}}',
            "http_server_config.headers.X-XSS-Protection: expected one line of ASCII characters",
        ),
        ("rate_limit: {interval: 10}", "rate_limit.interval: expected a duration such as 1s or 100ms, got 10"),
        ("rate_limit: {interval: 1s}", "rate_limit: with a burst of 0 no request at all would be answered"),
        ("tls_config: {}", "tls_config: unknown key (did you mean tls_server_config?)"),
        ("", "this file is empty"),
    ],
)
def test_a_fault_says_where_and_what_would_be_right(content: str, message: str, tmp_path: Path) -> None:
    """File, line and key, and never a value that may be a secret."""
    told = faults(tmp_path, content)

    assert any(line.split(": ", 1)[1].startswith(message) for line in told)
    assert "hush" not in "".join(told)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """In the order of their lines."""
    text = "rate_limit: {burst: -1}\n" + PAIR.replace("server.crt", "gone") + f"basic_auth_users: {{a: {HASH}, b: x}}\n"

    assert [line.split(": ")[:2] for line in faults(tmp_path, text)] == [
        ["web.yaml:1", "rate_limit.burst"],
        ["web.yaml:3", "tls_server_config.cert_file"],
        ["web.yaml:5", "basic_auth_users.b"],
    ]


@pytest.mark.parametrize("name", ["server.crt", "server.key"])
def test_a_certificate_may_be_out_of_reach(name: str, tmp_path: Path) -> None:
    """As long as the system lets nobody read it, that is no fault of the web config file."""
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/proc/self/mem")  # whose beginning is an input/output error

    with pytest.raises(OutOfReach, match=f"{name}:1: cannot be read: Input/output error"):
        load(tmp_path, PAIR)


def test_every_cipher_suite_of_go_is_known_to_openssl(tmp_path: Path) -> None:
    """All thirteen may be named together; those of TLS 1.2 are then the only ones."""
    suites = WebFile.model_json_schema()["$defs"]["ServerTls"]["properties"]["cipher_suites"]["anyOf"][0]["items"][
        "enum"
    ]

    web_file = load(tmp_path, f"{PAIR}  cipher_suites: {suites}\n")

    assert web_file.tls_server_config is not None
    assert len(suites) == len(web_file.tls_server_config.context.get_ciphers()) == 13
    few = load(
        tmp_path, f"{PAIR}  cipher_suites: [{suites[-1]}]\n  prefer_server_cipher_suites: false\n"
    ).tls_server_config
    assert few is not None
    assert [suite["name"] for suite in few.context.get_ciphers() if suite["protocol"] != "TLSv1.3"] == [
        "ECDHE-RSA-AES256-SHA"
    ]
    assert not few.context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
