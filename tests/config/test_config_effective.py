"""The effective config: what it tells, and what it never does."""

from collections.abc import Callable
from pathlib import Path

import yaml

from exporter.config import Settings, effective_yaml

Load = Callable[..., Settings]


def test_it_is_a_config_with_the_same_settings(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """Defaults included: with secrets in files, what it tells can be loaded, and is the same."""
    (tmp_path / "secret").write_text("hush")
    (tmp_path / "ca.pem").write_text("a certificate")
    settings = load(
        source_yaml.replace("app_secret: hush", "app_secret_file: secret")
        + "    timezone: UTC\n    tls: {ca_file: ca.pem}\n    timeout: 1m30s\n"
        "poll: {interval: 10s}\nlabels: [severity, {field: bk_biz_id, only: [2, 3]}]\n"
        "ack_targets: [{match: {severity: fatal}, within: 5m}]\n"
    )

    text = effective_yaml(settings)

    assert load(text) == settings
    document = yaml.safe_load(text)
    assert document["sources"][0]["timeout"] == 90.0
    assert document["limits"]["alert_series"] == 2000
    assert list(document)[:2] == ["sources", "poll"]


def test_no_way_of_giving_a_secret_shows_it(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """Inline, in a file, in the environment, in headers, proxies and addresses: it is masked, the rest is told."""
    (tmp_path / "token").write_text("hush-file")
    auth = "app_secret_env: APP_SECRET\n      access_token: hush-inline\n      token_file: token"
    settings = load(
        source_yaml.replace("app_secret: hush", auth)
        + "    headers: {X-Key: hush-header}\n    proxy_url: http://user:hush-proxy@proxy.example.com:3128\n"
        "web: {alert_url: 'https://me:hush-user@bk.example.com/{alert_id}'}\n",
        {"APP_SECRET": "hush-env"},
    )

    text = effective_yaml(settings)

    assert "hush" not in text
    document = yaml.safe_load(text)
    source = document["sources"][0]
    assert (source["headers"], source["proxy_url"]) == ({"X-Key": "<secret>"}, "<secret>")
    assert (source["auth"]["access_token"], source["auth"]["app_secret_env"]) == ("<secret>", "APP_SECRET")
    assert source["auth"]["token_file"] == str(tmp_path / "token")
    assert document["web"]["alert_url"] == "https://<secret>@bk.example.com/{alert_id}"
