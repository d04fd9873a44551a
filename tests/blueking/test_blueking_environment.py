"""What stands around the process changes nothing unless it is configured: `.netrc`, proxies, authorities, cookies."""

import base64
import warnings
from pathlib import Path

import pytest

from exporter.blueking import BadRequest, Unreachable
from tests.blueking.clients import SECRET, Clients
from tests.blueking.loopback import ONE_RECORD, TLS, closed_port, says, server_tls, serving

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_netrc_is_never_read(clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that somebody keeps for that host in `.netrc` does not go out."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login bob password hunter2\ndefault login bob password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(says(ONE_RECORD)) as source:
        clients(source.url).get_event_log("1")

    assert "Authorization" not in source.asked[0].headers


def test_proxies_of_the_environment_are_left_alone(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used unless the source says so."""
    monkeypatch.setenv("http_proxy", closed_port())
    monkeypatch.setenv("ALL_PROXY", closed_port())
    with serving(says(ONE_RECORD)) as source:
        assert clients(source.url).get_event_log("1").records


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_used_where_configured(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With `proxy_from_environment` requests go to the proxy, with its user and password for itself alone."""
    with serving(says(ONE_RECORD)) as proxy:
        monkeypatch.setenv(name, proxy.url.replace("//", "//carol:pr0xy%2Fpass@"))
        clients("http://bk.invalid", proxy_from_environment=True).get_event_log("1")

    (asked,) = proxy.asked
    assert asked.target.startswith("http://bk.invalid/api/c/")
    assert base64.b64decode(asked.headers["Proxy-Authorization"].removeprefix("Basic ")) == b"carol:pr0xy/pass"


def test_no_proxy_is_honoured(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `proxy_from_environment` the hosts of NO_PROXY are asked directly."""
    monkeypatch.setenv("http_proxy", closed_port())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(says(ONE_RECORD)) as source:
        assert clients(source.url, proxy_from_environment=True).get_event_log("1").records


def test_a_configured_proxy_goes_before_the_environment(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """`proxy_url` is used whatever the environment says, NO_PROXY included."""
    monkeypatch.setenv("http_proxy", closed_port())
    monkeypatch.setenv("no_proxy", "*")
    with serving(says(ONE_RECORD)) as proxy:
        clients("http://bk.invalid", proxy_url=proxy.url).get_event_log("1")

    assert proxy.asked[0].target.startswith("http://bk.invalid/api/c/")


def test_a_proxy_that_cannot_be_reached_is_told_as_such(clients: Clients) -> None:
    """The message tells that it is the proxy that is out of reach."""
    with pytest.raises(Unreachable, match="get_event_log: by way of the proxy: Connection refused"):
        clients("http://bk.invalid", proxy_url=closed_port()).get_event_log("1")


def test_a_proxy_that_refuses_a_tunnel_is_told_as_such(clients: Clients) -> None:
    """Where the way to an HTTPS source is closed by the proxy, it is out of reach."""
    with serving(says(b"", status=403)) as proxy, pytest.raises(Unreachable, match="by way of the proxy"):
        clients("https://bk.invalid", proxy_url=proxy.url).get_event_log("1")

    assert proxy.asked == []


def test_a_proxy_that_is_no_address_is_told_as_such(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment that cannot be one fails the poll as a request that we have to mend."""
    monkeypatch.setenv("http_proxy", "http://[broken")
    with pytest.raises(BadRequest, match="are url, headers, tls and proxy_url right"):
        clients("http://bk.invalid", proxy_from_environment=True).get_event_log("1")


def test_a_certificate_of_an_unknown_authority_is_refused(clients: Clients) -> None:
    """Without `ca_file` the authority of the tests is a stranger, and nothing is asked."""
    with (
        serving(says(ONE_RECORD), server_tls()) as source,
        pytest.raises(Unreachable, match="certificate verify failed"),
    ):
        clients(source.url).get_event_log("1")

    assert source.asked == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authorities_of_the_environment_are_left_alone(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whom to trust stands in the config: a bundle in the environment neither adds nor breaks anything."""
    monkeypatch.setenv(name, str(TLS / "ca.pem"))
    with serving(says(ONE_RECORD), server_tls()) as source:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            clients(source.url).get_event_log("1")
        monkeypatch.setenv(name, "/nowhere/bundle.pem")
        assert clients(source.url, tls={"ca_file": str(TLS / "ca.pem")}).get_event_log("1").records


@pytest.mark.parametrize(
    "files",
    [
        {"cert_file": str(TLS / "client.pem")},
        {"cert_file": str(TLS / "client.pem"), "key_file": str(TLS / "client.key")},
    ],
    ids=["in one file", "in two"],
)
def test_a_client_certificate_is_shown(clients: Clients, files: dict[str, str]) -> None:
    """A server that asks for a certificate gets the configured one, with its key in the same file or another."""
    with serving(says(ONE_RECORD), server_tls(asks_for_certificate=True)) as source:
        assert clients(source.url, tls={"ca_file": str(TLS / "ca.pem"), **files}).get_event_log("1").records


def test_tls_without_verification_works_and_does_not_nag(clients: Clients) -> None:
    """`insecure_skip_verify` takes any certificate; the library's warning is off for that host."""
    with serving(says(ONE_RECORD), server_tls()) as source, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        client = clients(source.url, tls={"insecure_skip_verify": True})
        assert client.get_event_log("1").records

    assert warned == []


def test_a_key_file_that_is_none_is_told(clients: Clients, tmp_path: Path) -> None:
    """A certificate that cannot be loaded fails the poll and does not end the exporter."""
    broken = tmp_path / "client.pem"
    broken.write_text("not a certificate")
    with serving(says(ONE_RECORD), server_tls()) as source, pytest.raises(Unreachable):
        clients(source.url, tls={"ca_file": str(TLS / "ca.pem"), "cert_file": str(broken)}).get_event_log("1")


def test_a_certificate_that_is_gone_is_told(clients: Clients, tmp_path: Path) -> None:
    """A file that vanished since the config was read fails the poll and does not end the exporter."""
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes((TLS / "ca.pem").read_bytes())
    with serving(says(ONE_RECORD), server_tls()) as source:
        client = clients(source.url, tls={"ca_file": str(authorities)})
        authorities.unlink()
        with pytest.raises(Unreachable, match="a certificate or key under tls is not there any more"):
            client.get_event_log("1")


def test_cookies_are_not_kept(clients: Clients) -> None:
    """A server's cookie does not come back: who we are stands in the credentials alone."""
    with serving(says(ONE_RECORD, headers={"Set-Cookie": "session=1; Path=/"})) as source:
        client = clients(source.url)
        for _ in range(2):
            client.get_event_log("1")

    assert all("Cookie" not in asked.headers for asked in source.asked)


def test_a_redirect_carries_nothing_elsewhere(clients: Clients) -> None:
    """The place that a redirect leads to is never asked."""
    with (
        serving(says(ONE_RECORD)) as elsewhere,
        serving(says(b"", status=302, headers={"Location": f"{elsewhere.url}/?s={SECRET}"})) as source,
        pytest.raises(BadRequest),
    ):
        clients(source.url, auth={"placement": "params"}).get_event_log("1")

    assert (len(source.asked), elsewhere.asked) == (1, [])
