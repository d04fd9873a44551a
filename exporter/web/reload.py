"""POST /-/reload: has the config read anew, where whoever started the exporter allowed it."""

from collections.abc import Callable

from flask import Flask, Response

from exporter.web.plain import plain_text

Reload = Callable[[], str | None]
"""Reloads the config; returns what is wrong with it, nothing where it is in force, None where the exporter stops."""

_NOT_ALLOWED = "Lifecycle API is not enabled: start the exporter with --web.enable-lifecycle, or send it SIGHUP."


def add_reload(app: Flask, reload: Reload | None) -> None:
    """Add the endpoint; without `reload` it refuses with 403."""

    @app.route("/-/reload", methods=["POST", "PUT"])
    def reload_config() -> Response:
        if reload is None:
            return plain_text(f"{_NOT_ALLOWED}\n", 403)
        faults = reload()
        if faults is None:
            return plain_text("the exporter is stopping\n", 503)
        if faults:
            return plain_text(f"failed to reload config, the one before stays in force:\n{faults}\n", 500)
        return plain_text("")
