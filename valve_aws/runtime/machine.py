"""The Runtime API (2018-06-01) of one environment as a table of states, with the extensions that take part.

Knows which request may follow which and what it is answered. Does not know sockets, processes or time.
Source: AWS Lambda developer guide, `Using the Lambda runtime API for custom runtimes`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from valve_aws.model.invocation import Answer, Begun, Done, Invocation, Kind, Reply, Wait
from valve_aws.model.telemetry import Crashed, Subscription, Told
from valve_aws.runtime import faults
from valve_aws.runtime.extensions import Extensions
from valve_aws.runtime.faults import RESPONSE_LIMIT, STREAM_LIMIT, accepted, another_method, refusal

__all__ = ["RESPONSE_LIMIT", "TABLE", "Machine", "State", "Step"]


class State(StrEnum):
    """What the runtime is doing. The values are AWS's own names, which show in refusals."""

    STARTED = "Started"
    """It has not asked for an event yet."""
    READY = "Ready"
    """It waits for an event."""
    RUNNING = "Running"
    """It has an event."""
    RESPONDING = "InvocationResponse"
    """Its answer is on the way."""
    SENT = "ResponseSent"
    """It has answered its event and may ask for another."""
    FAILED = "InitError"
    """It said that it cannot start."""


class Step(StrEnum):
    """What happens to it. The values are AWS's names of the state that each one asks for."""

    NEXT = "Ready"
    GIVE = "Running"
    RESPONSE = "InvocationResponse"
    ERROR = "InvocationErrorResponse"
    SENT = "ResponseSent"
    INIT_ERROR = "InitError"
    RESTORE_NEXT = "RestoreReady"
    RESTORE_ERROR = "RestoreError"


TABLE: Mapping[tuple[State, Step], State] = {
    (State.STARTED, Step.NEXT): State.READY,
    (State.STARTED, Step.INIT_ERROR): State.FAILED,
    (State.STARTED, Step.RESTORE_NEXT): State.STARTED,
    (State.STARTED, Step.RESTORE_ERROR): State.FAILED,
    (State.READY, Step.GIVE): State.RUNNING,
    (State.RUNNING, Step.NEXT): State.RUNNING,
    (State.RUNNING, Step.RESPONSE): State.RESPONDING,
    (State.RESPONDING, Step.SENT): State.SENT,
    (State.RUNNING, Step.ERROR): State.SENT,
    (State.SENT, Step.NEXT): State.READY,
}
"""Every step that is allowed; what is not here is refused with 403 `InvalidStateTransition`.

Why no (READY, NEXT): one poller waits; a second one (a thread that lies in wait) gets nothing.
Why (RUNNING, NEXT): a runtime whose connection broke asks again, and is given the same event, as on AWS.
"""

ERROR_TYPE = re.compile(r"[A-Za-z]{1,64}\.[A-Za-z]{1,128}", re.ASCII)
ERROR_TYPE_NAME = "lambda-runtime-function-error-type"
ERROR_BODY_NAME = "lambda-runtime-function-error-body"
MODE = "lambda-runtime-function-response-mode"
MODES = {"", "streaming"}
NONE: Mapping[str, str] = {}

API = "/2018-06-01"
BY_ID = re.compile(re.escape(API) + r"/runtime/invocation/([^/]+)/(response|error)")


class Machine:
    """One environment's Runtime API: requests and events go in, answers and ends of invocations come out."""

    def __init__(
        self,
        identify: Callable[[], str],
        function: str = "",
        handler: str = "",
        version: str = "$LATEST",
        account: str = "",
        external: Collection[str] = (),
    ) -> None:
        """`identify` makes identifiers for extensions; `function`, `handler`, `version` and `account` are
        what these are told. `external` are those that are launched beside the runtime."""
        self.state = State.STARTED
        self._invocation: Invocation | None = None
        self._pending: Invocation | None = None
        self._poller: int | None = None
        self._streamed = 0
        self._tickets = 0
        self._out: list[Reply | Done] = []
        greeting = {"functionName": function, "functionVersion": version, "handler": handler}
        greeting["accountId"] = account
        self.extensions = Extensions(identify, self._ticket, greeting, external)
        self._routes: Mapping[tuple[str, str], Callable[[Mapping[str, str], bytes], Answer | Wait]] = {
            ("GET", "/runtime/invocation/next"): self._next,
            ("POST", "/runtime/init/error"): self._init_error,
            ("GET", "/runtime/restore/next"): self._restore_next,
            ("POST", "/runtime/restore/error"): self._restore_error,
            ("GET", "/ping"): lambda *_: Answer(200, (), b"pong"),
        }

    @property
    def ready(self) -> bool:
        """Say whether the runtime waits for the next event, whatever its extensions are at."""
        return self.state is State.READY

    @property
    def gone(self) -> bool:
        """Say whether every extension that was told of the end has ended."""
        return self.extensions.gone

    @property
    def fatal(self) -> str:
        """The first error that an extension has told of, "" for none."""
        return self.extensions.fatal

    def begun(self) -> list[Told]:
        """Close what is open in an init alone; return what is told of each extension."""
        return self.extensions.begun()

    @property
    def idle(self) -> bool:
        """Say whether the runtime and every extension wait for the next event."""
        return self.state is State.READY and self.extensions.idle

    def answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        trailers: Mapping[str, str] = NONE,
    ) -> Answer | Wait:
        """Take one request. `body` may be cut after RESPONSE_LIMIT + 1 bytes; header names in any case.

        A `Wait` is answered by a `Reply` with its ticket, out of `drain`.
        """
        whole, path = path, path.partition("?")[0]
        named = {name.lower(): value for name, value in headers.items()}
        if by_id := BY_ID.fullmatch(path):
            if method != "POST":
                return another_method()
            return self._ended(by_id[1], by_id[2], named, body, {n.lower(): v for n, v in trailers.items()})
        if path.startswith(API + "/"):
            route = self._routes.get((method, path.removeprefix(API)))
            if route:
                return route(named, body)
            if any(path.removeprefix(API) == known for _, known in self._routes):
                return another_method()
        found = self.extensions.answer(method, whole, named, body, self.state is State.STARTED)
        return found or Answer(404, (("Content-Type", "text/plain; charset=utf-8"),), b"404 page not found\n")

    def give(self, invocation: Invocation) -> None:
        """Hand over an event: at once when the runtime waits, else as soon as it asks."""
        if self._pending or self.state in {State.RUNNING, State.RESPONDING, State.FAILED}:
            raise RuntimeError("an environment has one event at a time")
        headers_of(invocation)  # Why: what cannot be sent must not get half-way in.
        self._pending = invocation
        if self._poller is not None:
            ticket, self._poller = self._poller, None
            self._out.append(Reply(ticket, self._deliver()))

    def shut(self, reason: str, deadline: float) -> bool:
        """Tell the extensions that asked for it that the environment ends; say whether there is one.

        `reason` is AWS's: `spindown`, `timeout` or `failure`.
        """
        return self.extensions.shut(reason, deadline)

    def forget(self, ticket: int) -> None:
        """Take note that whoever waited with `ticket` has gone."""
        if ticket == self._poller:
            self._poller, self.state = None, State.SENT
        self.extensions.forget(ticket)

    def drain(self) -> list[Reply | Done | Crashed | Subscription | Told]:
        """Return what has become due since the last time."""
        out, self._out = self._out, []
        return [*out, *self.extensions.drain()]

    def _ticket(self) -> int:
        self._tickets += 1
        return self._tickets

    def _step(self, step: Step) -> Answer | None:
        """Take a step, or return the refusal of it."""
        after = TABLE.get((self.state, step))
        if after is None:
            return refusal(
                403,
                "InvalidStateTransition",
                f"State transition from {self.state} to {step} failed for runtime. "
                "Error: State transition is not allowed",
            )
        self.state = after
        return None

    def _next(self, headers: Mapping[str, str], body: bytes) -> Answer | Wait:
        refused = self._step(Step.NEXT)
        if refused:
            return refused
        if self.state is State.RUNNING and self._invocation:
            return Answer(200, headers_of(self._invocation), self._invocation.payload)
        if self._pending:
            return self._deliver()
        self._poller = self._ticket()
        return Wait(self._poller)

    def _deliver(self) -> Answer:
        """Turn the pending event into the answer of `next`, and wake the extensions."""
        invocation, self._pending = self._pending, None
        if invocation is None or self._step(Step.GIVE):
            raise RuntimeError("no event is pending")
        self._invocation = invocation
        self.extensions.invoke(invocation)
        return Answer(200, headers_of(invocation), invocation.payload)

    # A response in pieces

    def opens(self, method: str, path: str, headers: Mapping[str, str]) -> Begun | Answer | None:
        """Take the head of a request whose body is a response in pieces, for a caller who takes it so; or
        refuse it.

        None: it is none, and `answer` takes it whole.
        """
        by_id = BY_ID.fullmatch(path.partition("?")[0])
        named = {name.lower(): value for name, value in headers.items()}
        asked = method == "POST" and named.get(MODE) == "streaming"
        there = self._invocation
        if by_id is None or by_id[2] != "response" or not asked or there is None or not there.streams:
            return None
        if by_id[1] != there.ident:
            return refusal(400, "InvalidRequestID", "Invalid request ID")
        self._streamed = 0
        return self._step(Step.RESPONSE) or Begun(named.get("content-type", ""))

    def piece(self, size: int) -> Answer | None:
        """Take note of so many bytes of a response in pieces; a refusal ends it."""
        self._streamed += size
        if self._streamed <= STREAM_LIMIT:
            return None
        self._sent(Done(Kind.ERROR, faults.too_large(STREAM_LIMIT), "Function.ResponseSizeTooLarge"))
        return refusal(
            413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({STREAM_LIMIT} bytes)."
        )

    def closes(self, trailers: Mapping[str, str]) -> Answer:
        """Take the end of a response in pieces; its trailers may say that it is an error's."""
        named = {name.lower(): value for name, value in trailers.items()}
        self._sent(_failed(named) or Done(Kind.RESPONSE, b""))
        return accepted()

    def breaks(self) -> None:
        """Take note that a response in pieces came to no end."""
        if self.state is State.RESPONDING:
            self._sent(Done(Kind.ERROR, faults.truncated(), "Runtime.TruncatedResponse"))

    def _sent(self, done: Done) -> None:
        self._step(Step.SENT)
        self._out.append(done)

    def _ended(
        self, ident: str, what: str, headers: Mapping[str, str], body: bytes, trailers: Mapping[str, str]
    ) -> Answer:
        if self._invocation is None or ident != self._invocation.ident:
            return refusal(400, "InvalidRequestID", "Invalid request ID")
        steps = (Step.RESPONSE, Step.SENT) if what == "response" else (Step.ERROR,)
        if refused := next(filter(None, map(self._step, steps)), None):
            return refused
        if len(body) > RESPONSE_LIMIT:
            self._out.append(Done(Kind.ERROR, faults.too_large(), "Function.ResponseSizeTooLarge"))
            return refusal(
                413,
                "RequestEntityTooLarge",
                f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
            )
        if headers.get(MODE, "") not in MODES:
            self._out.append(Done(Kind.ERROR, faults.invalid_mode(), "Runtime.InvalidResponseModeHeader"))
            return refusal(400, "InvalidFunctionResponseMode", "Invalid function response mode")
        if what == "response":
            self._out.append(_failed(trailers) or Done(Kind.RESPONSE, body))
        else:
            self._out.append(Done(Kind.ERROR, body, error_type(headers)))
        return accepted()

    def _init_error(self, headers: Mapping[str, str], body: bytes) -> Answer:
        refused = self._step(Step.INIT_ERROR)
        if refused:
            return refused
        self._out.append(Done(Kind.INIT_ERROR, body[:RESPONSE_LIMIT], error_type(headers)))
        return accepted()

    def _restore_next(self, headers: Mapping[str, str], body: bytes) -> Answer:
        # Why: nothing is ever snapshotted here, so a runtime that is ready for it is restored at once.
        return self._step(Step.RESTORE_NEXT) or Answer(200)

    def _restore_error(self, headers: Mapping[str, str], body: bytes) -> Answer:
        refused = self._step(Step.RESTORE_ERROR)
        if refused:
            return refused
        self._out.append(Done(Kind.INIT_ERROR, body[:RESPONSE_LIMIT], error_type(headers)))
        return accepted()


def _failed(trailers: Mapping[str, str]) -> Done | None:
    """Return the error that the trailers of a response tell of, None when they tell of none.

    Source: AWS Lambda developer guide, custom runtimes, response streaming: the type, and the error itself
    as JSON in base64.
    """
    if ERROR_TYPE_NAME not in trailers:
        return None
    try:
        told = base64.b64decode(trailers.get(ERROR_BODY_NAME, ""), validate=True)
    except ValueError:
        told = b""
    return Done(Kind.ERROR, told, error_type(trailers))


def error_type(headers: Mapping[str, str]) -> str:
    """Return the error type that the runtime claims; anything else is `Runtime.Unknown`, as on AWS."""
    claimed = headers.get(ERROR_TYPE_NAME, "")
    return claimed if ERROR_TYPE.fullmatch(claimed) else "Runtime.Unknown"


def headers_of(invocation: Invocation) -> tuple[tuple[str, str], ...]:
    """Return the headers that an event comes with.

    Why Content-Type: awslambdaric decodes the event only if it is there, else it ends without a word.
    Raises ValueError for a value that no header can carry.
    """
    optional = (
        ("Lambda-Runtime-Trace-Id", invocation.trace),
        ("Lambda-Runtime-Client-Context", _ascii(invocation.client_context)),
        ("Lambda-Runtime-Cognito-Identity", _ascii(invocation.cognito)),
        ("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant),
    )
    pairs = (
        ("Content-Type", "application/json"),
        ("Lambda-Runtime-Aws-Request-Id", invocation.ident),
        ("Lambda-Runtime-Deadline-Ms", str(int(invocation.deadline * 1000))),
        ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
        *((name, value) for name, value in optional if value),
    )
    for name, value in pairs:
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"`{name}` cannot carry {value!r}")
    return pairs


def _ascii(text: str) -> str:
    """Write a JSON text so that a header can carry it."""
    if not text or (text.isascii() and text.isprintable()):
        return text
    return json.dumps(json.loads(text))
