"""The endpoints that reload and show the config."""

from collections.abc import Callable

import pytest
from flask import Flask

from exporter.web.config_page import add_config_page
from exporter.web.reload import add_reload


def application(reload: Callable[[], str | None] | None) -> Flask:
    """Return an application with these endpoints alone."""
    app = Flask(__name__)
    add_reload(app, reload)
    add_config_page(app, lambda: "sources: <b>none</b>\n")
    return app


@pytest.mark.parametrize(
    ("faults", "status", "text"),
    [
        ("", 200, ""),
        (None, 503, "the exporter is stopping\n"),
        (
            "config.yaml:2: wrong\nconfig.yaml:3: too",
            500,
            "failed to reload config, the one before stays in force:\nconfig.yaml:2: wrong\nconfig.yaml:3: too\n",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_came_of_a_reload_is_told(method: str, faults: str | None, status: int, text: str) -> None:
    """Nothing where all is well, every fault where the config is refused; as Prometheus does, by POST or PUT."""
    answer = application(lambda: faults).test_client().open("/-/reload", method=method)

    assert (answer.status_code, answer.text, answer.mimetype) == (status, text, "text/plain")


def test_a_look_reloads_nothing() -> None:
    """A browser or a crawler that follows a link does no harm."""
    client = application(lambda: pytest.fail("it reloads")).test_client()

    assert (client.get("/-/reload").status_code, client.head("/-/reload").status_code) == (405, 405)


def test_who_has_no_leave_is_told_how_to_get_it() -> None:
    """403, and the option's name."""
    answer = application(None).test_client().post("/-/reload")

    assert answer.status_code == 403
    assert answer.text.startswith("Lifecycle API is not enabled: start the exporter with --web.enable-lifecycle")


def test_the_config_is_shown_as_text() -> None:
    """No browser takes it for a page, and nobody keeps a copy."""
    answer = application(None).test_client().get("/config")

    assert (answer.text, answer.mimetype, answer.headers["Cache-Control"]) == (
        "sources: <b>none</b>\n",
        "text/plain",
        "no-store",
    )
