"""GET /config: the settings in force, as YAML that tells no secret."""

from collections.abc import Callable

from flask import Flask, Response


def add_config_page(app: Flask, config: Callable[[], str]) -> None:
    """Add the page; `config` returns the settings as they are in force now, their secrets masked."""

    @app.get("/config")
    def show_config() -> Response:
        return Response(config(), content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})
