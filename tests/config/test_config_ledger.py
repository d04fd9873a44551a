"""Which databases `ledger.url` may name, and that its password shows nowhere."""

import pytest

from exporter.config import effective_yaml
from exporter.flow.shards import MOST_SHARDS
from tests.config.conftest import Load, Refuse


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///flow.db",
        "sqlite+pysqlite:////var/lib/flow.db",
        "postgresql+psycopg://flow@db.example.com/flow",
        "postgresql+psycopg://flow:hush%2F%40@db.example.com:6432/flow?sslmode=verify-full&passfile=/run/pgpass",
        "postgresql+psycopg://flow@/flow?host=one:5432&host=two:5432&target_session_attrs=read-write",
        "postgresql+psycopg:///flow?host=/run/postgresql&options=-csearch_path%3Dflow",
    ],
)
def test_a_ledger_is_a_file_or_a_database(load: Load, source_yaml: str, url: str) -> None:
    """It is kept as it was written."""
    assert load(f'{source_yaml}ledger: {{url: "{url}"}}').ledger.url == url


@pytest.mark.parametrize("more", ["", "shards: 1", "shards: 1024\nledger: {url: postgresql+psycopg://flow@db/flow}"])
def test_many_shards_need_a_ledger_that_is_shared(load: Load, source_yaml: str, more: str) -> None:
    """One shard is what one gets without saying so, and any ledger will do for it."""
    assert load(f"{source_yaml}{more}").shards == (1024 if "1024" in more else 1)


def test_there_are_no_more_shards_than_a_ledger_may_have(load: Load, refuse: Refuse, source_yaml: str) -> None:
    """Else an export of it could not be imported."""
    ledger = "ledger: {url: postgresql+psycopg://flow@db/flow}"

    assert load(f"{source_yaml}shards: {MOST_SHARDS}\n{ledger}").shards == MOST_SHARDS
    assert "config.yaml:11: shards: " in refuse(f"{source_yaml}shards: {MOST_SHARDS + 1}\n{ledger}")


def test_a_ledger_in_a_file_is_not_shared(refuse: Refuse, source_yaml: str) -> None:
    """It is told even where the file is only the default."""
    assert refuse(f"{source_yaml}shards: 2") == (
        "config.yaml:11: shards: more than one needs a ledger that exporters share: a ledger.url of postgresql+psycopg://"
    )


def test_the_password_of_the_ledger_shows_nowhere(load: Load, source_yaml: str) -> None:
    """Neither in the effective config nor where settings are printed."""
    settings = load(f'{source_yaml}ledger: {{url: "postgresql+psycopg://flow:pass-phrase@db.example.com/flow"}}')

    assert "pass-phrase" not in effective_yaml(settings)
    assert "db.example.com/flow" in effective_yaml(settings)
    assert "pass-phrase" not in repr(settings) + str(settings)
