"""The Extensions API (2020-01-01) of one environment as a table of states, and what its launcher asks.

Knows who was launched or registered, for what, and who waits. Does not start extensions.
Source: AWS Lambda developer guide, `Using the Lambda Extensions API`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from valve_aws.model.invocation import Answer, Invocation, Reply, Wait
from valve_aws.model.telemetry import Crashed, Subscription, Told
from valve_aws.runtime import telemetry
from valve_aws.runtime.faults import JSON, accepted, another_method, ending, refusal

API = "/2020-01-01/extension"
REGISTER = f"{API}/register"
LAUNCHER = "/valve/extensions"
"""Where the shim that launches external extensions asks: a path of ours, believed no more than any other."""
EVENTS = ("INVOKE", "SHUTDOWN")
NO_LIST = "json: cannot unmarshal {} into Go struct field .RegisterRequest.events of type []core.Event"
GO_KINDS = {str: "string", bool: "bool", int: "number", float: "number", dict: "object"}
MOST = 10
"""Extensions of one function (AWS quota)."""
LONGEST = 64 * 1024
"""Bytes of a registration or subscription that are read."""
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
LONGEST_NAME = 255
"""Characters of a name, which is a file's for those that are launched."""
ERROR_TYPE = "lambda-extension-function-error-type"


class State(StrEnum):
    """What an extension is doing. The values are AWS's own names, which show in refusals and events."""

    STARTED = "Started"
    """It was launched and has not registered yet."""
    REGISTERED = "Registered"
    READY = "Ready"
    """It waits for an event."""
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EXITED = "Exited"


class Step(StrEnum):
    """What happens to it. The values are AWS's names of the state that each one asks for."""

    REGISTER = "Registered"
    NEXT = "Ready"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


TABLE: Mapping[tuple[State, Step], State] = {
    (State.STARTED, Step.REGISTER): State.REGISTERED,
    (State.REGISTERED, Step.NEXT): State.READY,
    (State.RUNNING, Step.NEXT): State.READY,
    (State.REGISTERED, Step.INIT_ERROR): State.INIT_ERROR,
    (State.INIT_ERROR, Step.INIT_ERROR): State.INIT_ERROR,
    (State.REGISTERED, Step.EXIT_ERROR): State.EXIT_ERROR,
    (State.READY, Step.EXIT_ERROR): State.EXIT_ERROR,
    (State.RUNNING, Step.EXIT_ERROR): State.EXIT_ERROR,
    (State.EXIT_ERROR, Step.EXIT_ERROR): State.EXIT_ERROR,
}
"""Every step that is allowed; what is not here is refused with 403 `Extension.InvalidExtensionState`."""
STEPS = {
    ("GET", f"{API}/event/next"): Step.NEXT,
    ("POST", f"{API}/init/error"): Step.INIT_ERROR,
    ("POST", f"{API}/exit/error"): Step.EXIT_ERROR,
}
FATAL = {Step.INIT_ERROR: "Extension.InitError", Step.EXIT_ERROR: "Extension.ExitError"}


@dataclass(slots=True)
class Extension:
    """One that was launched, or registered from within the runtime."""

    name: str
    external: bool
    ident: str = ""
    state: State = State.STARTED
    events: tuple[str, ...] = ()
    ticket: int | None = None
    error_type: str = ""


class Extensions:
    """All extensions of one environment."""

    def __init__(
        self,
        identify: Callable[[], str],
        ticket: Callable[[], int],
        greeting: Mapping[str, str],
        external: Collection[str] = (),
    ) -> None:
        """`greeting` is what one is told that registers; `external` are the names of those that are
        launched."""
        self._identify, self._ticket = identify, ticket
        self._greeting = dict(greeting)
        self._all = {name: Extension(name, True) for name in external}
        self._waits: dict[str, int] = {}
        """What a launcher waits for, by its path."""
        self._subscribed: dict[str, str] = {}
        """Extension → the API that it has subscribed with."""
        self._open = True
        self._out: list[Reply | Crashed | Subscription | Told] = []
        self.fatal = ""
        """The first error that one of them has told of: how the environment's end is told then."""
        self.closing = False

    @property
    def idle(self) -> bool:
        """Say whether every one of them waits."""
        return all(each.state in {State.READY, State.EXITED} for each in self._all.values())

    @property
    def gone(self) -> bool:
        """Say whether every one that was told of the end has ended."""
        return all(each.state is State.EXITED for each in self._all.values() if "SHUTDOWN" in each.events)

    def drain(self) -> list[Reply | Crashed | Subscription | Told]:
        """Return what has become due since the last time."""
        out, self._out = self._out, []
        return out

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, open_: bool
    ) -> Answer | Wait | None:
        """Take one request; None when the path is not ours. `open_`: the runtime is still in its init."""
        path, _, query = path.partition("?")
        path = path.rstrip("/")
        if path.startswith(LAUNCHER):
            return self._launcher(method, path.removeprefix(LAUNCHER), dict(parse_qsl(query)))
        if (method, path) == ("POST", REGISTER):
            return self._register(headers, body, open_)
        api, step = telemetry.PATHS.get(path) if method == "PUT" else None, STEPS.get((method, path))
        if api is None and step is None:
            known = path == REGISTER or any(path == each for _, each in STEPS)
            return another_method() if known else None
        ident = headers.get("lambda-extension-identifier", "")
        if not IDENTIFIER.fullmatch(ident):
            return _unidentified(ident)
        if step in FATAL and not headers.get(ERROR_TYPE):
            return refusal(403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        extension = next((each for each in self._all.values() if each.ident == ident), None)
        if extension is None:
            return refusal(403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {ident}")
        if api is not None:
            return self._subscribe(api, extension, body)
        assert step is not None
        return self._next(extension) if step is Step.NEXT else self._fails(extension, step, headers)

    def _next(self, extension: Extension) -> Answer | Wait:
        refused = _step(extension, Step.NEXT)
        if refused:
            return refused
        extension.ticket = self._ticket()
        return Wait(extension.ticket)

    def _fails(self, extension: Extension, step: Step, headers: Mapping[str, str]) -> Answer:
        if refused := _step(extension, step):
            return refused
        extension.error_type = extension.error_type or headers[ERROR_TYPE][:256]
        self.fatal = self.fatal or FATAL[step]
        if not extension.external:  # Why: it has no process of its own whose end could be waited for
            self._out.append(Crashed(self.fatal, extension.error_type))
        return accepted()

    def _register(self, headers: Mapping[str, str], body: bytes, open_: bool) -> Answer:
        name = headers.get("lambda-extension-name", "")
        if not name or len(name) > LONGEST_NAME:
            problem = "Invalid extension name" if name else "Empty extension name"
            return refusal(403, "Extension.InvalidExtensionName", problem)
        try:
            asked = json.loads(body[:LONGEST])
            listed = asked.get("events") or []
            if not isinstance(listed, list):
                return refusal(403, "InvalidRequestFormat", NO_LIST.format(GO_KINDS[type(listed)]))
            events = tuple(sorted(set(listed)))
        except (ValueError, AttributeError, TypeError, RecursionError):
            # Why these words: AWS's are those of Go for a body that ends too early, the usual one.
            return refusal(403, "InvalidRequestFormat", "unexpected end of JSON input")
        if asked.get("configurationKeys"):
            deprecated = "configurationKeys are deprecated; use environment variables instead"
            return refusal(403, "InvalidRequestFormat", deprecated)
        extension = self._all.get(name)
        for event in events:
            if event not in EVENTS:
                return refusal(403, "Extension.InvalidEventType", f"{str(event)[:64]}: ErrorInvalidEventType")
            if extension is None and event == "SHUTDOWN":
                never = "ShutdownEventNotSupportedForInternalExtension"
                return refusal(403, "Extension.InvalidEventType", f"{event}: {never}")
        if extension is None:
            if not open_:
                return refusal(403, "Extension.RegistrationClosed", "Extension registration closed already")
            if len(self._all) >= MOST:
                return refusal(403, "Extension.TooManyExtensions", f"Extension limit ({MOST}) reached")
            extension = self._all[name] = Extension(name, False)
        elif not extension.external:
            there = "Extension with this name already registered"
            return refusal(403, "Extension.InvalidExtensionState", there)
        if refused := _step(extension, Step.REGISTER):
            return refused
        extension.ident, extension.events = self._identify(), events
        self._release("/registered", self._registered())
        greeting = dict(self._greeting)
        account = greeting.pop("accountId", "")
        features = {each.strip() for each in headers.get("lambda-extension-accept-feature", "").split(",")}
        if "accountId" in features:
            greeting["accountId"] = account
        named = (*JSON, ("Lambda-Extension-Identifier", extension.ident))
        return Answer(200, named, json.dumps(greeting, separators=(",", ":")).encode() + b"\n")

    def _subscribe(self, api: str, extension: Extension, body: bytes) -> Answer:
        if not self._open or self._subscribed.get(extension.name, api) != api:
            return refusal(403, f"{api}.SubscriptionClosed", f"{api} API subscription is closed already")
        try:
            asked = telemetry.subscription(api, extension.name, body[:LONGEST])
        except telemetry.Unfit as unfit:
            return refusal(400, "ValidationError", str(unfit))
        self._subscribed[extension.name] = api
        self._out += [asked, telemetry.subscribed(asked)]
        return Answer(200, JSON, b'"OK"')

    def begun(self) -> list[Told]:
        """Close the registration, as the init has ended, and return what is told of each extension."""
        self._open = False
        return [_state(each) for each in self._all.values()]

    # What the launcher asks

    def _launcher(self, method: str, what: str, told: Mapping[str, str]) -> Answer | Wait:
        if (method, what) == ("POST", "/exited"):
            self._exited(told.get("name", ""), told.get("status", ""))
            return accepted()
        done = {"/registered": self._registered(), "/shutdown": self.closing}.get(what)
        if method != "GET" or done is None:
            return Answer(404)
        if done:
            return Answer(204)
        ticket = self._waits[what] = self._ticket()
        return Wait(ticket)

    def _registered(self) -> bool:
        return all(each.state is not State.STARTED for each in self._all.values() if each.external)

    def _release(self, what: str, done: bool) -> None:
        if done and what in self._waits:
            self._out.append(Reply(self._waits.pop(what), Answer(204)))

    def _exited(self, name: str, status: str) -> None:
        """Take note that one has ended: with it ends the environment, unless that is ending anyway."""
        extension = self._all.get(name)
        if extension is None or not extension.external or extension.state is State.EXITED:
            return
        extension.state = State.EXITED
        if self.closing:
            return
        launched = not status.startswith("launch:")
        self.fatal = self.fatal or ("Extension.Crash" if launched else "Extension.LaunchError")
        words = status.removeprefix("launch:")[:256]
        if words.lstrip("-").isdecimal():
            words = "exit code 0" if words == "0" else ending(int(words[:9])).partition("error: ")[2]
        self._out.append(Crashed(self.fatal, words))

    # Events

    def invoke(self, invocation: Invocation) -> None:
        """Tell those that want to know that an event is served."""
        event = {
            "eventType": "INVOKE",
            "deadlineMs": int(invocation.deadline * 1000),
            "requestId": invocation.ident,
            "invokedFunctionArn": invocation.arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace},
        }
        self._tell("INVOKE", event)

    def shut(self, reason: str, deadline: float) -> bool:
        """Tell those that want to know that the environment ends; say whether there is one."""
        self.closing = True
        self._release("/shutdown", True)
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": int(deadline * 1000)}
        return self._tell("SHUTDOWN", event)

    def _tell(self, what: str, event: Mapping[str, object]) -> bool:
        told = [each for each in self._all.values() if what in each.events and each.ticket is not None]
        for each in told:
            if each.ticket is not None:
                named = (*JSON, ("Lambda-Extension-Event-Identifier", each.ident))
                self._out.append(Reply(each.ticket, Answer(200, named, json.dumps(event).encode())))
                each.ticket, each.state = None, State.RUNNING
        return bool(told)

    def forget(self, ticket: int) -> None:
        """Take note that whoever waited with `ticket` has gone: it may ask again."""
        for each in self._all.values():
            if each.ticket == ticket:
                each.ticket, each.state = None, State.RUNNING
        self._waits = {what: waits for what, waits in self._waits.items() if waits != ticket}


def _step(extension: Extension, step: Step) -> Answer | None:
    """Take a step, or return the refusal of it."""
    after = TABLE.get((extension.state, step))
    if after is None:
        return refusal(
            403,
            "Extension.InvalidExtensionState",
            f"State transition from {extension.state} to {step} failed for extension "
            f"{extension.ident or extension.name}. Error: State transition is not allowed",
        )
    extension.state = after
    return None


def _state(extension: Extension) -> Told:
    """Return what is told of one when the init has ended."""
    name, state, events = extension.name, extension.state, list(extension.events)
    record: dict[str, object] = {"name": name, "state": str(state), "events": events}
    line = f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(events)}]"
    if extension.error_type:
        record["errorType"] = extension.error_type
        line += f"\tError Type: {extension.error_type}"
    well = state in {State.READY, State.RUNNING, State.REGISTERED}
    return Told("platform.extension", record, (line,), "INFO" if well else "WARN")


def _unidentified(ident: str) -> Answer:
    what, said = ("Invalid", "") if ident else ("Missing", " header")
    return refusal(403, f"Extension.{what}ExtensionIdentifier", f"{what} Lambda-Extension-Identifier{said}")
