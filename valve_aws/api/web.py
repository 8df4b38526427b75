"""The Lambda API as a Flask application.

Knows how a request and an answer look there. Does not know any operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Protocol

from flask import Flask, Response, request

from valve_aws.api.fault import Fault
from valve_aws.api.origins import addressed, stranger
from valve_aws.api.ports import Answer
from valve_aws.api.reading import Request
from valve_aws.api.server import Loop

LARGEST = 100 << 20
"""Bytes of a request: 50 MB of zipped code in base64, and room (Lambda quotas)."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Answering(Protocol):
    """What answers requests, on the loop."""

    async def answer(self, asked: Request, /) -> Answer:
        """Return the answer to one request."""


def application(api: Answering, loop: Loop, host: str = "localhost") -> Flask:
    """Return the application that hands each request to `api`, on the loop; it is served on `host`."""
    app = Flask("valve-lambda", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    # Why: a path is read as it was written; Flask would send those with `//` elsewhere.
    app.url_map.merge_slashes = False

    @app.route("/", defaults={"path": ""}, methods=METHODS)
    @app.route("/<path:path>", methods=METHODS)
    def serve(**_: str) -> Response:
        if not addressed(request.host, host) or stranger(request.headers.get, host) is not None:
            return Response("not asked from here", 403)
        try:
            return sent(loop.wait(api.answer(received())), loop)
        except CancelledError:
            ended = Fault("ServiceException", "The server has ended.", Type="Service")
            headers = {"Content-Type": "application/json", "x-amzn-ErrorType": ended.code}
            return Response(ended.body(), ended.status, headers)

    return app


def received() -> Request:
    """Return the request that Flask has, as it was on the wire."""
    target = str(request.environ.get("REQUEST_URI") or request.full_path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, target, headers, request.get_data())


def sent(answer: Answer, loop: Loop) -> Response:
    """Return Flask's response of an answer; a body that comes piece by piece goes so."""
    body: bytes | Iterator[bytes]
    body = answer.body if isinstance(answer.body, bytes) else loop.pieces(answer.body)
    response = Response(body, answer.status)
    response.headers.clear()
    for name, value in answer.headers:
        response.headers.add(name, value)
    if isinstance(body, bytes):
        response.headers["Content-Length"] = str(len(body))
    return response
