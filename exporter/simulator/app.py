"""The endpoints over HTTP: BlueKing's two, and under `/-/` those that control the simulation."""

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from threading import Event

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from exporter.simulator.answers import Answer
from exporter.simulator.blueking import BlueKing, Call
from exporter.simulator.gate import HEADER
from exporter.simulator.world import World

_ESB = "/api/c/compapi/v2/monitor_v3"


def make_app(world: World, now: Callable[[], float], stopping: Event) -> Flask:
    """Return the WSGI application; once `stopping` is set, slow answers wait no longer."""
    app = Flask("simulator", static_folder=None)
    # What a view raises must reach the server: that is how a connection is closed without an answer.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    blueking = BlueKing(world, now, stopping)
    _serve_blueking(app, blueking)
    _serve_control(app, blueking)
    return app


def _serve_blueking(app: Flask, blueking: BlueKing) -> None:
    @app.get(f"{_ESB}/get_event_log/")
    def get_event_log() -> Response:
        alert_id = request.args.get("id", "")
        return _sent(blueking.get_event_log(alert_id, _call(request.args)))

    @app.post(f"{_ESB}/search_alert/")
    @app.post("/app/alert/search/")
    def search_alert() -> Response:
        body = request.get_json(force=True, silent=True)
        return _sent(blueking.search_alert(body, _call(body if isinstance(body, dict) else {})))


def _serve_control(app: Flask, blueking: BlueKing) -> None:
    @app.get("/-/truth")
    def truth() -> Response:
        return jsonify(blueking.world.truth(blueking.now()))

    @app.get("/-/alerts")
    def alerts() -> Response:
        return jsonify([asdict(alert) for alert in blueking.world.alerts(blueking.now())])

    @app.get("/-/requests")
    def requests() -> Response:
        return jsonify(blueking.tally.to_json())

    @app.get("/-/faults")
    def faults() -> Response:
        return jsonify(blueking.switchboard.faults.to_json())

    @app.put("/-/faults")
    def change_faults() -> ResponseReturnValue:
        try:
            changed = blueking.switchboard.change(request.get_json(force=True, silent=True))
        except ValueError as error:
            return jsonify(error=str(error)), 400
        return jsonify(changed.to_json())


def _call(parameters: Mapping[str, object]) -> Call:
    return Call(parameters, request.headers.get(HEADER))


def _sent(answer: Answer | None) -> Response:
    """Return the answer for the server to send; raises ConnectionResetError where there is none."""
    if answer is None:
        raise _hang_up()
    response = Response(
        _torn(answer.body) if answer.torn else answer.body,
        answer.status,
        answer.headers,
        content_type=answer.content_type,
    )
    response.content_length = len(answer.body)
    return response


def _torn(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise _hang_up()


def _hang_up() -> ConnectionResetError:
    """Return what makes the server close the connection, and say nothing: for it, the caller is gone."""
    return ConnectionResetError(errno.ECONNRESET, "the simulation hangs up")
