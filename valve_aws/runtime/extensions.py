"""The Extensions API (2020-01-01) and the Telemetry and Logs APIs of one environment.

Knows who registered, for what, and who waits. Does not start extensions; those in a function register
themselves. Source: AWS Lambda developer guide, `Using the Lambda Extensions API`, `Telemetry API`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from valve_aws.model.invocation import Answer, Invocation, Reply, Wait
from valve_aws.runtime.faults import JSON, accepted, another_method, refusal

API = "/2020-01-01/extension"
SUBSCRIPTIONS = {"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"}
REGISTER = f"{API}/register"
IDENTIFIED = {f"{API}/event/next": "GET", f"{API}/init/error": "POST", f"{API}/exit/error": "POST"}
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
ERROR_TYPE = "lambda-extension-function-error-type"
EVENTS = {"INVOKE", "SHUTDOWN"}
MOST = 10
"""Extensions of one function (AWS quota)."""
LONGEST = 64 * 1024
"""Bytes of a registration or subscription that are kept."""


@dataclass(slots=True)
class Extension:
    """One that registered. `ticket` None: it is at work, or has not asked for its first event."""

    name: str
    events: frozenset[str]
    ticket: int | None = None


class Extensions:
    """All extensions of one environment."""

    def __init__(
        self, identify: Callable[[], str], ticket: Callable[[], int], function: str, handler: str
    ) -> None:
        self._identify = identify
        self._ticket = ticket
        self._greeting = {"functionName": function, "functionVersion": "$LATEST", "handler": handler}
        self._by_ident: dict[str, Extension] = {}
        self.subscriptions: list[bytes] = []
        """Bodies of telemetry and log subscriptions, as written. Nothing is delivered to them."""

    @property
    def idle(self) -> bool:
        """Say whether every one of them waits."""
        return all(extension.ticket is not None for extension in self._by_ident.values())

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, open_: bool
    ) -> Answer | Wait | None:
        """Take one request; None when the path is not ours. `open_`: the runtime is still in its init."""
        if path in SUBSCRIPTIONS and method == "PUT":
            return self._subscribe(SUBSCRIPTIONS[path], headers, body)
        if path == REGISTER and method == "POST":
            return self._register(headers, body, open_)
        if path == REGISTER or method != IDENTIFIED.get(path, method):
            return another_method()
        if path not in IDENTIFIED:
            return None
        ident = headers.get("lambda-extension-identifier", "")
        if not IDENTIFIER.fullmatch(ident):
            return _unidentified(ident)
        if method == "POST" and not headers.get(ERROR_TYPE):
            return refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        extension = self._by_ident.get(ident)
        if extension is None:
            return refusal(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {ident}")
        if method == "POST":
            del self._by_ident[ident]
            return accepted()
        if extension.ticket is not None:
            return refusal(
                403,
                "Extension.InvalidExtensionState",
                f"State transition from Ready to Ready failed for extension {extension.name}. "
                "Error: State transition is not allowed",
            )
        extension.ticket = self._ticket()
        return Wait(extension.ticket)

    def _register(self, headers: Mapping[str, str], body: bytes, open_: bool) -> Answer:
        name = headers.get("lambda-extension-name", "")
        if not name:
            return refusal(403, "Extension.InvalidExtensionName", "Empty extension name")
        if not open_:
            return refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
        if len(self._by_ident) >= MOST:
            return refusal(403, "Extension.TooManyExtensions", f"Extension limit ({MOST}) reached")
        try:
            events = json.loads(body[:LONGEST] or b"{}").get("events") or []
            wanted = frozenset(events)
        except (ValueError, AttributeError, TypeError, RecursionError):
            return refusal(403, "InvalidRequestFormat", "invalid request")
        if not wanted <= EVENTS:
            return refusal(403, "Extension.InvalidEventType", "invalid event type")
        ident = self._identify()
        self._by_ident[ident] = Extension(name, wanted)
        named = (*JSON, ("Lambda-Extension-Identifier", ident))
        return Answer(200, named, json.dumps(self._greeting, separators=(",", ":")).encode() + b"\n")

    def _subscribe(self, api: str, headers: Mapping[str, str], body: bytes) -> Answer:
        # Why 202: AWS's documented answer where nothing is delivered (`in a local testing environment`).
        if len(self.subscriptions) < MOST:
            self.subscriptions.append(body[:LONGEST])
        return refusal(202, f"{api}.NotSupported", f"{api} API is not supported")

    def invoke(self, invocation: Invocation) -> list[Reply]:
        """Return the INVOKE events for those that want them and wait."""
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int(invocation.deadline * 1000),
            "requestId": invocation.ident,
            "invokedFunctionArn": invocation.arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
        return self._tell("INVOKE", event)

    def shut(self, reason: str, deadline: float) -> list[Reply]:
        """Return the SHUTDOWN events for those that want them and wait."""
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": int(deadline * 1000)}
        return self._tell("SHUTDOWN", event)

    def _tell(self, what: str, event: Mapping[str, object]) -> list[Reply]:
        replies = []
        for ident, extension in self._by_ident.items():
            if what in extension.events and extension.ticket is not None:
                named = (*JSON, ("Lambda-Extension-Event-Identifier", ident))
                replies.append(Reply(extension.ticket, Answer(200, named, json.dumps(event).encode())))
                extension.ticket = None
        return replies

    def forget(self, ticket: int) -> None:
        """Take note that whoever waited with `ticket` has gone: it may ask again."""
        for extension in self._by_ident.values():
            if extension.ticket == ticket:
                extension.ticket = None


def _unidentified(ident: str) -> Answer:
    what, said = ("Invalid", "") if ident else ("Missing", " header")
    return refusal(
        403, f"Extension.{what}ExtensionIdentifier", f"{what} Lambda-Extension-Identifier{said}"
    )
