"""Which databases `ledger.url` may name, and that its password shows nowhere."""

import pytest

from exporter.config import effective_yaml
from tests.config.conftest import Load


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


def test_the_password_of_the_ledger_shows_nowhere(load: Load, source_yaml: str) -> None:
    """Neither in the effective config nor where settings are printed."""
    settings = load(f'{source_yaml}ledger: {{url: "postgresql+psycopg://flow:pass-phrase@db.example.com/flow"}}')

    assert "pass-phrase" not in effective_yaml(settings)
    assert "db.example.com/flow" in effective_yaml(settings)
    assert "pass-phrase" not in repr(settings) + str(settings)
