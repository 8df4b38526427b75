"""The cooperative guard put together: template, policy, judge, book, records and hook, in this very process.

Knows who needs whom. Decides nothing, and is no boundary: a function can step around it (docs/THREATS.md).
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from valve_aws import application, audit
from valve_aws.cooperative.inprocess import Nowhere, arrived, invoked, looking, watch
from valve_aws.course import commands as ask
from valve_aws.hook import seam
from valve_aws.hook.errand import Answered
from valve_aws.hook.invocation import Event, Invocation, wrapped
from valve_aws.hook.watch import Watch
from valve_aws.labels import SqliteBook, VolatileBook
from valve_aws.model.call import Call
from valve_aws.model.cell import one
from valve_aws.model.label import Label
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import Book, Sink
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode
from valve_aws.running.ledger import Ledger
from valve_aws.settings import Settings

if TYPE_CHECKING:
    from valve_aws.canary import Lookout

STRENGTH = "cooperative"
"""How this guard is named wherever its strength is: never a boundary."""

Say = Callable[[str], None]


def guard(
    policy: str | Path | None = None,
    template: str | Path | None = None,
    mode: str = "",
    **more: Any,
) -> Guard:
    """Return a cooperative guard: a context manager, and a decorator of functions and coroutines.

    `policy` and `template` are files; what is not given is looked for beside the other, then here. Without a
    policy the mode is `audit`. `more`: `region`, `account`, `stack`, `parameters`, `physical` (logical id →
    name of a resource), `labels` and `audit` (files, else both stay in memory), `backend` (not `moto` where
    others write to it as well), `say` (where refusals are told). Raises `Invalid` for a mistake in a file.
    """
    return Guard(policy, template, mode, **more)


class Guard:
    """A cooperative guard. Who is calling is said by `handler`; everybody else is the operator."""

    def __init__(
        self,
        policy: str | Path | None,
        template: str | Path | None,
        mode: str,
        say: Say | None = None,
        **more: Any,
    ) -> None:
        self._say = say or _to_stderr
        region = more.pop("region", "") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        for name in ("labels", "audit"):
            more[name] = _path(more.get(name))
        self.settings = Settings(
            template=_beside(template, policy), policy=_path(policy), mode=mode, region=region, **more
        )
        self.stack, self.policy = self._read(template is not None or policy is not None)
        self.mode = Mode(mode) if mode else self.policy.mode
        self.ledger = Ledger(self.stack, self._say, STRENGTH)
        self._handlers: dict[str, Invocation] = {}
        self._watch: Watch | None = None
        self.lookout: Lookout | None = None
        """What looks for decoys in what handlers let out, from the next `with` on."""
        self._closers: list[Callable[[], None]] = []

    @property
    def records(self) -> list[Record]:
        """Return every crossing, in order."""
        return self.ledger.records

    @property
    def refusals(self) -> list[Record]:
        """Return those that were refused, in `enforce`."""
        return self.ledger.refusals

    def _read(self, named: bool) -> tuple[Stack, FlowPolicy]:
        try:
            application.locate(self.settings)
        except Invalid:
            if named:
                raise
            account = self.settings.account or "123456789012"
            return Stack("", account, self.settings.region, {}, {}), FlowPolicy()
        stack, _ = application.read(self.settings, self._say)
        return stack, application.rules(self.settings, stack)

    # Lifetime

    def __enter__(self) -> Guard:
        if self._watch is not None:
            raise RuntimeError("this guard is on already; make another for what is within")
        self.ledger.clear()
        try:
            book, sink = self._book(), self._sink()
            made = watch(self.stack, self.policy, self.mode, book, sink, self.ledger.add, self._invoke)
            made.look = looking(self.lookout) if self.lookout else None
            seam.put_in(made)
        except BaseException:
            self._close()
            raise
        self._watch = made
        return self

    def _book(self) -> Book:
        sole = self.settings.backend == "moto"
        if self.settings.labels is None:
            return VolatileBook(sole=sole)
        generation = f"guard/{os.getpid()}.{time.time_ns()}" if sole else self.settings.backend
        book = SqliteBook(self.settings.labels, generation, sole=sole)
        self._closers.append(book.close)
        return book

    def _sink(self) -> Sink:
        if self.settings.audit is None:
            return Nowhere()
        file = audit.FileSink(self.settings.audit)
        self._closers.append(file.close)
        return file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            seam.take_out(self._watch)
            self._watch = None
        self._close()

    def _close(self) -> None:
        while self._closers:
            self._closers.pop()()

    def __call__(self, function: Any) -> Any:
        """Guard a function, or a coroutine function, each time it is called."""
        if iscoroutinefunction(function):

            @wraps(function)
            async def later(*given: Any, **named: Any) -> Any:
                with self:
                    return await function(*given, **named)

            return later

        @wraps(function)
        def now(*given: Any, **named: Any) -> Any:
            with self:
                return function(*given, **named)

        return now

    # Handlers

    def handler(self, logical_id: str, function: Callable[..., Any], event_source: str = "") -> Any:
        """Return `function` so that what it calls is called by the template's function `logical_id`.

        `event_source` is `Function.Event`, for the labels of `events:`. In `enforce` it raises `EventRefused`
        and `ResultRefused` for what may not come in or go out. Raises `Invalid` for a name that the template
        does not have.
        """
        logical = application.choose(self.stack, self.policy, logical_id, event_source, lambda _: None)
        owner = self.stack.functions[logical]
        invocation = self._handlers[owner.arn] = Invocation(
            self._on, logical, function, lambda: str(uuid.uuid4()), self.ledger.ended
        )

        def event(content: Any) -> Event:
            came = arrived(self._on(), owner, content, event_source)
            labelled = sorted(
                f"{logical}.{t.name}" for t in owner.triggers if f"{logical}.{t.name}" in self.policy.events
            )
            if labelled and not came.trigger and self.ledger.first(labelled[0]):
                self._say(f'valve: the event\'s labels do not apply without event_source="{labelled[0]}"')
            return came

        return wrapped(invocation, event)

    def _on(self) -> Watch:
        if self._watch is None:
            raise RuntimeError("the guard is not on: call handlers within `with guard:`")
        return self._watch

    def _invoke(self, call: Call, sending: ask.Forward, body: Any) -> Answered | None:
        """Run another handler of this guard for a call of Lambda's Invoke."""
        if call.service != "lambda" or call.operation != "Invoke" or not call.resources:
            return None
        invocation = self._handlers.get(call.resources[0])
        kind = call.params.get("InvocationType", "RequestResponse")
        if invocation is None or kind == "DryRun":
            return None
        return invoked(invocation, sending, body, waits=kind != "Event")

    # What the operator sees

    def label_of(self, store: str, name: str) -> Label:
        """Return what the book has for one cell while the guard is on, without what the policy adds to it;
        `store` is a logical id or an ARN, `name` an object's key, a message's id or an item's key."""
        found = self.stack.resources.get(store)
        watch, extent = self._on(), one(found.arn if found else store, name)
        with watch.lock:
            held: Label = watch.clerk.at_once(ask.Look([extent]))[extent].label
        return held

    def summary(self) -> str:
        """Return one line about the run; it says how strong the guard was."""
        return self.ledger.summary()


def _path(given: str | Path | None) -> Path | None:
    return Path(given) if given is not None else None


def _beside(given: str | Path | None, policy: str | Path | None) -> Path | None:
    """Return the template that is meant: the one named, else the one beside the policy."""
    if given is not None or policy is None:
        return _path(given)
    folder = Path(policy).parent
    return next((folder / name for name in _names() if (folder / name).is_file()), None)


def _names() -> Iterable[str]:
    return ("template.yaml", "template.yml", "template.json")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  # refusals are told where a test run shows them
