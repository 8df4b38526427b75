"""Requests of SDKs carried through a real crossing, without sockets: the exchange is in memory.

Knows what the function gets to see. Does not know why.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.exceptions
import botocore.parsers
from botocore.config import Config

from tests.playbook.play import Stage
from tests.wire.sdk import SESSION, Nothing, head_of
from valve_aws.aws import issue
from valve_aws.backend import endpoint
from valve_aws.course.subject import Subject
from valve_aws.model.call import Head, Key, Origin
from valve_aws.model.verdict import Mode
from valve_aws.passage import crossing
from valve_aws.proxy import Target, Unreachable

Answer = tuple[int, dict[str, str], bytes]
"""(status, headers, body): all that the function gets."""

OWN = issue(os.urandom)
"""The key of the environment under test."""


class Spoken:
    """An exchange whose request is there and whose answer is kept (`proxy.Exchange`)."""

    trailers: tuple[tuple[str, str], ...] = ()

    def __init__(self, head: Head, body: bytes) -> None:
        self.head, self.body = head, body
        self.length: int | None = len(body)
        self.answer: Answer | None = None

    def invite(self, announced: str = "") -> None:
        """Its body is here already."""

    async def collect(self, limit: int) -> bytes:
        return self.body

    async def stream(self) -> AsyncIterator[bytes]:
        yield self.body

    async def respond(
        self, status: int, headers: Sequence[tuple[str, str]], body: Any, length: int | None = None
    ) -> None:
        content = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
        self.answer = (status, dict(headers), content)


class Heard:
    """An upstream that nobody answers; it keeps where somebody wanted to go, and what with."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.whole: list[bool] = []
        """Whether each one's content was handed over in one piece."""

    async def send(
        self, target: Target, method: str, path: str, headers: Any, body: Any = None, length: Any = None
    ) -> Any:
        self.reached.append(f"{target.host}:{target.port}")
        self.requests.append((method, path, dict(headers)))
        self.whole.append(isinstance(body, bytes))
        raise Unreachable("nobody there", False)

    def stage(self, mode: Mode = Mode.ENFORCE, more: str = "") -> Stage:
        """Return a stage whose way out ends here; `more` are lines of its policy's `functions`."""
        stage = Stage(mode, more=more)
        stage.passage.upstream = self  # type: ignore[assignment]  # only `send` is used

        async def backend() -> Any:
            return endpoint("http://127.0.0.1:9")

        stage.passage.backend = backend
        return stage


def carried(stage: Stage, subject: Subject, head: Head, body: bytes, key: Key = OWN) -> Answer:
    """Take one request through; return what the function gets."""
    spoken = Spoken(head, body)
    asyncio.run(crossing.request(stage.passage, subject, key, spoken))  # type: ignore[arg-type]  # it has what is used
    assert spoken.answer is not None
    return spoken.answer


def ask_for(stage: Stage, subject: Subject, method: str, url: str, **headers: str) -> Answer:
    """Take a plain request to some host through."""
    return carried(stage, subject, head_for(method, url, **headers), b"")


def head_for(method: str, url: str, **headers: str) -> Head:
    """Return a request's head."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    listed = (("host", parts.netloc), *headers.items())
    sni = host if parts.scheme == "https" else ""
    return Head(method, target, listed, host, Origin("env", parts.scheme, "198.18.0.1", port, host, sni))


def sdk(service: str, key: Key = OWN, signature_version: str | None = None) -> Any:
    """Return a client of today that sends nothing; `request_of` makes heads of its requests."""
    made = SESSION.create_client(
        service,
        region_name="us-east-1",
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        aws_session_token=key.token,
        config=Config(signature_version=signature_version),
    )
    made.meta.events.register("before-send", lambda request, **_: _caught(made, request))
    return made


def _caught(made: Any, request: Any) -> Any:
    made.caught = request
    return botocore.awsrequest.AWSResponse(request.url, 400, {}, Nothing())


def request_of(made: Any, operation: str, **params: Any) -> tuple[Head, bytes]:
    """Return the head and body that a client sends."""
    try:
        made._make_api_call(operation, params)
    except (botocore.exceptions.ClientError, botocore.parsers.ResponseParserError):
        pass
    return head_of(made.caught)
