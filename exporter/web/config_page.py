"""GET /config: the settings in force, as YAML that tells no secret."""

from collections.abc import Callable

from flask import Flask, Response

from exporter.web.plain import plain_text


def add_config_page(app: Flask, config: Callable[[], str]) -> None:
    """Add the page; `config` returns the settings as they are in force now, their secrets masked."""

    @app.get("/config")
    def show_config() -> Response:
        answer = plain_text(config())
        answer.cache_control.no_store = True
        return answer
