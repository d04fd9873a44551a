"""The exporter behind TLS and users, as curl and a real Prometheus see it."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import COMMAND, ExporterProcess, wait_until
from tests.e2e.prometheus import running_prometheus
from tests.web.authority import PASSWORD, Authority, hashed, write_web_file

CONFIG = """\
sources:
  - name: nowhere
    url: http://127.0.0.1:9
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    watch: [{{alerts: ["164239028644167"]}}]
ledger: {{url: "sqlite:///{folder}/flow.db"}}
"""
SCRAPE = """\
    scheme: https
    basic_auth: {{username: prom, password: "{password}"}}
    tls_config: {{ca_file: ca.pem, cert_file: client.pem, key_file: client.pem}}
"""
REQUIRED = {
    "client_auth_type": "RequireAndVerifyClientCert",
    "client_ca_file": "ca.pem",
    "client_allowed_sans": ["prom.example.com"],
}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give an authority that has issued a certificate for the exporter, and one for Prometheus."""
    authority = Authority(tmp_path)
    authority.issue_server()
    authority.issue_client("prom.example.com")
    return authority


def curl(folder: Path, url: str, *options: str) -> tuple[int, str]:
    """Return curl's exit code, and the status of the answer."""
    command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert", "ca.pem"]
    done = subprocess.run(
        [*command, *options, url], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout


def test_curl_gets_in_with_certificate_and_password_alone(tmp_path: Path, authority: Authority) -> None:
    """Nothing is told without a client's certificate, nothing but 401 without the password, health included."""
    file = write_web_file(authority.folder, REQUIRED, basic_auth_users={"prom": hashed(cost=10)})
    known, right = ("--cert", "client.pem"), ("--user", f"prom:{PASSWORD}")
    with ExporterProcess(None, f"--web.config.file={file}") as exporter:
        for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/alerts", "/static/style.css"):
            assert curl(tmp_path, exporter.url + path, *known) == (0, "401")
        assert curl(tmp_path, f"{exporter.url}/metrics", *known, "--user", "prom:wrong") == (0, "401")
        assert curl(tmp_path, f"{exporter.url}/metrics", *known, *right) == (0, "200")
        assert curl(tmp_path, f"{exporter.url}/-/healthy", *known, *right) == (0, "200")
        code, status = curl(tmp_path, f"{exporter.url}/metrics", *right)
        assert (code != 0, status) == (True, "000")
        assert exporter.stop() == 0
    assert [line for line in exporter.log if "level=warning" in line or "level=error" in line] == []
    assert PASSWORD not in "".join(exporter.log)
    assert "$2" not in "".join(exporter.log)


def test_prometheus_scrapes_on_while_certificate_and_password_change(tmp_path: Path, authority: Authority) -> None:
    """With basic_auth and tls_config it is up, and stays so with a new certificate and a new hash, unrestarted."""
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path))
    file = write_web_file(tmp_path, REQUIRED, basic_auth_users={"prom": hashed(cost=10)})
    with (
        ExporterProcess(tmp_path / "config.yaml", f"--web.config.file={file}") as exporter,
        running_prometheus(tmp_path, exporter.url, how=SCRAPE.format(password=PASSWORD)) as prometheus,
    ):

        def scraped() -> list[tuple[str, str]]:
            return [(target["health"], target["lastError"]) for target in prometheus.targets()]

        wait_until(lambda: scraped() == [("up", "")], within=30)
        assert scraped() == [("up", "")]
        assert prometheus.targets()[0]["scrapeUrl"].startswith("https://")

        authority.issue_server()
        write_web_file(tmp_path, REQUIRED, basic_auth_users={"prom": hashed(cost=5)})
        wait_until(lambda: "web config file re-read" in "".join(exporter.log), within=30)
        last = prometheus.targets()[0]["lastScrape"]
        wait_until(lambda: prometheus.targets()[0]["lastScrape"] > last, within=30)
        assert scraped() == [("up", "")]
        assert set(prometheus.query('min_over_time(up{job="flow"}[1m])').values()) == {1.0}

        write_web_file(tmp_path, REQUIRED, basic_auth_users={"prom": hashed("another")})
        wait_until(lambda: scraped() != [("up", "")], within=30)
        assert "401" in scraped()[0][1]


def test_a_web_config_file_with_faults_is_told_and_nothing_starts(tmp_path: Path) -> None:
    """Exit code 2 and all faults at once, in a process as its user runs it."""
    file = tmp_path / "web.yaml"
    file.write_text("tls_server_config: {cert_file: gone.crt, key_file: gone.key}\nbasic_auth_users: {alice: hush}\n")

    for command in (["serve"], ["demo"]):
        done = subprocess.run(
            [COMMAND, *command, f"--web.config.file={file}"], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 2
        told = done.stderr.replace(f"{tmp_path}/", "").splitlines()
        assert [line.split(": ")[:2] for line in told] == [
            ["web.yaml:1", "tls_server_config.cert_file"],
            ["web.yaml:1", "tls_server_config.key_file"],
            ["web.yaml:2", "basic_auth_users.alice"],
        ]
        assert "hush" not in done.stderr
