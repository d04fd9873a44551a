"""Secrets: where they come from, and that they do not show."""

import copy
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from exporter.config import AuthSettings, ConfigError, Secret, Settings, SourceSettings, load_config

Load = Callable[..., Settings]
Refuse = Callable[..., str]


def with_auth(source_yaml: str, auth: str) -> str:
    """Return the smallest config with another application secret and user."""
    return source_yaml.replace("app_secret: hush\n      username: admin", auth)


def test_a_secret_prints_as_a_mask() -> None:
    """No way of making text of it shows the secret; only `reveal` does."""
    secret = Secret("hush")

    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret} == {"<secret>"}  # noqa: UP031 - logs do so
    assert f"{secret:>10}" == "  <secret>"
    assert not issubclass(Secret, str)
    assert secret.reveal() == "hush"
    assert copy.deepcopy(secret) == secret
    assert len({secret, Secret("hush"), Secret("other")}) == 2


def test_settings_print_and_dump_without_secrets(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """Neither repr nor a dump for the page at /config has a secret; files and variables show by their names."""
    (tmp_path / "token").write_text("hush-file")
    text = with_auth(source_yaml, "app_secret_env: APP_SECRET\n      access_token: hush\n      token_file: token")
    text += "    headers: {X-Key: hush}\n    proxy_url: http://user:hush@proxy.example.com:3128\n"

    settings = load(text, {"APP_SECRET": "hush-env"})

    dump = settings.model_dump_json()
    for shown in (
        repr(settings),
        str(settings),
        dump,
        repr(settings.model_dump()),
        str(settings.model_dump(mode="json")),
    ):
        assert "hush" not in shown
    auth = json.loads(dump)["sources"][0]["auth"]
    assert (auth["access_token"], auth["app_secret_env"]) == ("<secret>", "APP_SECRET")
    assert auth["token_file"] == str(tmp_path / "token")


def test_secrets_come_from_the_config_a_file_or_the_environment(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """Each way gives the same secret; the line end of a file is no part of it."""
    (tmp_path / "secret").write_bytes(b"hush\r\n")
    ways = {"app_secret: hush": "", "app_secret_file: secret": "", "app_secret_env: APP_SECRET": "hush"}

    for way, variable in ways.items():
        auth = load(with_auth(source_yaml, f"{way}\n      username: admin"), {"APP_SECRET": variable}).sources[0].auth
        assert (auth.reveal_app_secret(), auth.reveal_token(), auth.reveal_access_token()) == ("hush", None, None)


def test_tokens_come_from_the_config_a_file_or_the_environment(load: Load, source_yaml: str, tmp_path: Path) -> None:
    """A token and an access token have the same three ways as the application's secret."""
    (tmp_path / "token").write_text("from-file\n")
    text = with_auth(source_yaml, "app_secret: hush\n      token_file: token\n      access_token_env: ACCESS")

    auth = load(text, {"ACCESS": "from-env"}).sources[0].auth

    assert (auth.reveal_token(), auth.reveal_access_token()) == ("from-file", "from-env")


@pytest.fixture
def auth_from_file(load: Load, source_yaml: str, tmp_path: Path) -> AuthSettings:
    """Return the settings of an application whose secret is in the file `secret`."""
    (tmp_path / "secret").write_text("first\n")
    text = with_auth(source_yaml, "app_secret_file: secret\n      username: admin")
    return load(text).sources[0].auth


def replace(path: Path, content: bytes, mtime_ns: int) -> None:
    """Write a file whose time of change is a given one, for clocks of file systems are coarse."""
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def test_a_secret_file_is_read_anew_when_it_changes(auth_from_file: AuthSettings, tmp_path: Path) -> None:
    """A rotated secret is used from then on, without a restart."""
    replace(tmp_path / "secret", b"second", mtime_ns=10**18)

    assert auth_from_file.reveal_app_secret() == "second"


def test_a_secret_file_that_is_swapped_is_read_anew(auth_from_file: AuthSettings, tmp_path: Path) -> None:
    """Another file of the same size and time at the same name is noticed too."""
    path, other = tmp_path / "secret", tmp_path / "other"
    was = path.stat()
    other.write_text("FIRST\n")
    os.utime(other, ns=(was.st_atime_ns, was.st_mtime_ns))
    other.replace(path)

    assert auth_from_file.reveal_app_secret() == "FIRST"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_spoilt_secret_file_keeps_the_last_good_secret(
    auth_from_file: AuthSettings, tmp_path: Path, content: bytes
) -> None:
    """A file that is half replaced changes nothing; once it is whole again it counts."""
    replace(tmp_path / "secret", content, mtime_ns=10**18)
    assert auth_from_file.reveal_app_secret() == "first"

    replace(tmp_path / "secret", b"second", mtime_ns=10**18 + 1)
    assert auth_from_file.reveal_app_secret() == "second"


def test_a_vanished_secret_file_keeps_the_last_good_secret(auth_from_file: AuthSettings, tmp_path: Path) -> None:
    """A file that has gone, or became a folder, changes nothing."""
    (tmp_path / "secret").unlink()
    assert auth_from_file.reveal_app_secret() == "first"

    (tmp_path / "secret").mkdir()
    assert auth_from_file.reveal_app_secret() == "first"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file (relative names start at the folder of the config file)"),
        (b"", "this file is empty"),
        (b" \n", "this file is empty"),
        (b"\xff\xfe", "this file is not UTF-8 text"),
    ],
)
def test_a_secret_file_without_a_secret_is_a_fault(
    refuse: Refuse, source_yaml: str, tmp_path: Path, content: bytes | None, message: str
) -> None:
    """At load time a secret must be there."""
    if content is not None:
        (tmp_path / "secret").write_bytes(content)

    told = refuse(with_auth(source_yaml, "app_secret_file: secret\n      username: admin"))

    assert told == f"config.yaml:7: sources[0].auth.app_secret_file: {message}"


@pytest.mark.parametrize("env", [{}, {"APP_SECRET": ""}])
def test_a_variable_without_a_secret_is_a_fault(refuse: Refuse, source_yaml: str, env: dict[str, str]) -> None:
    """A variable that is not set, or empty, is told; its name is not, it may be the secret by mistake."""
    told = refuse(with_auth(source_yaml, "app_secret_env: APP_SECRET\n      username: admin"), env)

    assert told == "config.yaml:7: sources[0].auth.app_secret_env: this environment variable is not set or empty"


MISTAKES = (
    "app_secret: [hush]",
    "app_secret: {hush: hush}",
    "app_secret: 424242",
    "app_secret: !!int 424242",
    "app_secret: hush\n      app_secret_file: hush",
    "app_secret_env: hush",
    "app_secret: hush\n      app_secrt: hush",
    "app_secret: hush\n      placement: [hush]",
    "app_secret: hush\n      app_code: 424242",
    "app_secret: *hush",
    "app_secret: !hush x",
    "app_secret: 'hush",
    "app_secret: hush\n      token: {hush: 424242}\n      app_secret:hush: 1",
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_fault_near_a_secret_does_not_show_it(load: Load, source_yaml: str, mistake: str) -> None:
    """Neither the fault nor the traceback has the value of a secret, of its mapping or of its neighbours."""
    text = with_auth(source_yaml, f"{mistake}\n      username: admin")

    with pytest.raises(ConfigError) as refused:
        load(text)

    told = "".join(traceback.format_exception(refused.value))
    assert "hush" not in told
    assert "sources[0].auth" in told or "not valid YAML" in told


KINDS = (
    "hush",
    "4242424242",
    "hush+hush/hush==",
    "Bearer hush hush",
    "h" * 12 + "-hush-" + "0123456789abcdef" * 2,
)
PLACES = {
    "placement": "sources: [{auth: {placement: %s}}]",
    "app_code": "sources: [{auth: {app_code: [%s]}}]",
    "username": "sources: [{auth: {username: {a: %s}}}]",
    "a number for a code": "sources: [{auth: {app_code: 4242424242, username: 4242424242}}]",
    "a key of auth": "sources: [{auth: {%s: }}]",
    "instead of auth": "sources: [{auth: %s}]",
    "name": 'sources: [{name: "%s !"}]',
    "url": "sources: [{url: %s}]",
    "query of url": 'sources: [{url: "https://bk.example.com/?bk_app_secret=%s"}]',
    "fragment of url": 'sources: [{url: "https://bk.example.com/#%s"}]',
    "user of url": 'sources: [{url: "https://%s@bk.example.com"}]',
    "path": "sources: [{paths: {get_event_log: %s}}]",
    "query of a path": 'sources: [{paths: {get_event_log: "/log/?bk_app_secret=%s"}}]',
    "query of a path without a slash": 'sources: [{paths: {search_alert: "search?bk_token=%s"}}]',
    "query of an address": 'sources: [{paths: {search_alert: "https://gw.example.com/search?bk_token=%s"}}]',
    "user of an address": 'sources: [{paths: {get_event_log: "https://admin:%s@gw.example.com/log"}}]',
    "tenant": 'sources: [{tenant_id: "a %s"}]',
    "timezone": "sources: [{timezone: %s}]",
    "certificate": "sources: [{tls: {cert_file: %s, key_file: %s, ca_file: %s}}]",
    "proxy": 'sources: [{proxy_url: "%s"}]',
    "headers": "sources: [{headers: %s}]",
    "ledger": 'ledger: {url: "postgresql://flow:%s@db.example.com/flow"}',
    "alert_url": 'web: {alert_url: "ftp://bk.example.com/?token=%s"}',
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("secret", KINDS)
def test_a_secret_at_the_wrong_key_does_not_show(load: Load, secret: str, place: str) -> None:
    """Where a secret is written or pasted by mistake, the fault tells what would be right, not what was given."""
    with pytest.raises(ConfigError) as refused:
        load(place.replace("%s", secret))

    told = "".join(traceback.format_exception(refused.value))
    assert "hush" not in told
    assert "4242424242" not in told


FARTHER = (
    "sources: [{timeout: %s}]",
    "sources: [{rate_limit: {burst: %s}}]",
    "sources: [{tls: {insecure_skip_verify: %s}}]",
    "sources: [{watch: [{alerts: [%s !]}]}]",
    "sources: [{watch: [{search: {bk_biz_ids: [%s], status: [%s], severity: [%s]}}]}]",
    "sources: [{watch: [{search: {bk_biz_ids: [2], conditions: [{key: a, value: b, method: %s}]}}]}]",
    "poll: {interval: %s}",
    "labels: [%s, %s]",
    'web: {alert_url: "https://bk.example.com/{%s}"}',
)


@pytest.mark.parametrize("place", FARTHER)
@pytest.mark.parametrize("secret", ["hush+hush/hush==", "h" * 12 + "-hush-" + "0123456789abcdef" * 2])
def test_what_looks_like_a_secret_shows_nowhere(load: Load, secret: str, place: str) -> None:
    """What is long, or has signs that are no part of words, is named by its kind at every other key."""
    with pytest.raises(ConfigError) as refused:
        load(place.replace("%s", secret))

    assert "hush" not in str(refused.value)


def test_validating_without_a_file_does_not_show_secrets_either() -> None:
    """The models themselves refuse without the values that they were given."""
    with pytest.raises(ValidationError) as refused:
        SourceSettings.model_validate(
            {"name": 1, "auth": {"app_secret": ["hush"], "token": 424242, "hush": "hush"}, "proxy_url": "hush://hush"}
        )

    told = f"{refused.value} {refused.value.errors()} {refused.value.json()}"
    assert "424242" not in told
    assert "hush://" not in told
    assert "['hush']" not in told


def test_a_secret_file_is_found_from_any_working_directory(
    source_yaml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config named relatively keeps its secret files when the working directory changes."""
    (tmp_path / "secret").write_text("first")
    text = with_auth(source_yaml, "app_secret_file: secret\n      username: admin")
    (tmp_path / "config.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    auth = load_config(Path("config.yaml"), {}).sources[0].auth

    monkeypatch.chdir("/")
    replace(tmp_path / "secret", b"second", mtime_ns=10**18)

    assert auth.reveal_app_secret() == "second"
