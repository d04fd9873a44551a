"""Answers in plain text."""

from flask import Response


def plain_text(body: str, status: int = 200) -> Response:
    """Return `body` as an answer that no browser takes for a page."""
    return Response(body, status, content_type="text/plain; charset=utf-8")
