"""The assembly: the rooms of one stack joined together, their lifetimes, and one invocation from end to end.

Knows who needs whom. Decides nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from valve_aws import audit, policy, report, runtime, template, text
from valve_aws.aws import Aws
from valve_aws.backend import Seed, endpoint, read_seed
from valve_aws.cloud import Cloud, NotStarted, custom_hosts
from valve_aws.course.carry import Court
from valve_aws.course.drive import drive
from valve_aws.course.release import result
from valve_aws.flow import Judge
from valve_aws.housing import Housing
from valve_aws.labels import SqliteBook
from valve_aws.model.call import Evidence
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.record import Record
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Holding, Mode, Rule, Way
from valve_aws.passage import Invoked, Passage, now
from valve_aws.proxy import Authority, Upstream
from valve_aws.settings import Settings
from valve_aws.waking import Waking

Say = Callable[[str], None]

DEPTH = 16
"""Invocations in one chain before it is taken for a loop (Lambda's recursive loop detection stops after
about 16)."""


WAKING = frozenset({"Invoke", "InvokeAsync", "SendMessage", "SendMessageBatch"})
"""Operations that may have a function run, so that chains of them can be told."""

KEPT = 20_000
"""Records kept in memory to tell ways with: some 20 MB."""


ALWAYS = {Rule.UNREADABLE, Rule.BOOK}
"""Rules that refuse in every mode."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What an invocation from outside came to."""

    payload: bytes
    failed: bool


class Valve:
    """One stack, guarded. `read` it, `open` it, `invoke`, `drain`, `close`; on one loop."""

    def __init__(
        self, settings: Settings, stack: Stack, flow: FlowPolicy, seeds: tuple[Seed, ...], say: Say
    ) -> None:
        self.settings, self.stack, self.policy, self._seeds, self._say = settings, stack, flow, seeds, say
        self.mode = Mode(settings.mode) if settings.mode else flow.mode
        self.refusals: list[Record] = []
        self.records: list[Record] = []
        self._background: set[asyncio.Task[Any]] = set()
        self._tally = report.Tally()
        self._causes: dict[str, str] = {}
        self._shown: set[object] = set()

    # Reading what was given

    @staticmethod
    def locate(settings: Settings) -> Path:
        """Return the template that is meant."""
        return template.locate(settings.template, Path.is_file)

    @classmethod
    def application(cls, settings: Settings, say: Say) -> tuple[Stack, tuple[Seed, ...]]:
        """Read the template and the seed. Raises `Invalid`."""
        path = cls.locate(settings)
        backend = None if settings.backend == "moto" else endpoint(settings.backend, settings.account)
        stack = template.read(
            path,
            parameters=settings.parameters,
            stack=settings.stack or template.project(path).name,
            account=settings.account or (backend.account if backend else "123456789012"),
            region=settings.region,
            physical=settings.physical,
            load=lambda path: load(path, last=True),
        )
        for warning in stack.warnings:
            say(f"valve: {warning}")
        stack = _with_variables(stack, settings.variables)
        seed = settings.seed or _beside(path, "seed.yaml", when=backend is None)
        return stack, read_seed(load(seed), stack, seed.parent) if seed else ()

    @classmethod
    def read(cls, settings: Settings, say: Say) -> Valve:
        """Read template, seed and policy. Raises `Invalid`; nothing was started."""
        stack, seeds = cls.application(settings, say)
        return cls(settings, stack, cls._policy(settings, stack), seeds, say)

    @classmethod
    def _policy(cls, settings: Settings, stack: Stack) -> FlowPolicy:
        path = settings.policy or _beside(cls.locate(settings), "valve.yaml")
        if path:
            return policy.read(load(path), stack, str(path))
        if isinstance(stack.metadata, Node):
            return policy.read(stack.metadata, stack, stack.file)
        return FlowPolicy()

    @classmethod
    def check(cls, settings: Settings, say: Say) -> tuple[str, bool]:
        """Return what the policy means for its template, in words, and whether something is wrong in it."""
        from valve_aws import flow

        stack, _ = cls.application(settings, say)
        rules = cls._policy(settings, stack)
        findings = policy.dead(rules, stack)
        lines = [
            f"{f.where}: {f.severity}: {f.text}" if f.where.file else f"{f.severity}: {f.text}"
            for f in findings
        ]
        return "\n".join([*lines, *flow.matrix(rules, stack), ""]), any(
            f.severity == "error" for f in findings
        )

    def choose(self, named: str, event_source: str) -> str:
        """Return the logical id of the function that is meant. Raises `Invalid`."""
        import difflib

        functions = self.stack.functions
        if not named and len(functions) == 1:
            return next(iter(functions))
        found = next(
            (f.logical for f in functions.values() if named and named in {f.logical, f.name, f.arn}), None
        )
        where = Where(self.stack.file)
        if found is None:
            near = difflib.get_close_matches(named, functions, 1)
            hint = (
                f"did you mean `{near[0]}`"
                if near
                else "it has " + (", ".join(f"`{f}`" for f in functions) or "none")
            )
            raise Invalid(
                where, f"the template has no function `{named}`" if named else "say which function", hint
            )
        known = {f"{t.function}.{t.name}" for t in functions[found].triggers}
        if event_source and event_source not in known:
            listed = ", ".join(f"`{k}`" for k in sorted(known)) or "none"
            raise Invalid(where, f"`{event_source}` is no event of `{found}`", f"it has {listed}")
        labelled = sorted(known & set(self.policy.events))
        if labelled and not event_source:
            self._say(f"valve: the event's labels do not apply without `--event-source {labelled[0]}`")
        return found

    # Lifetime

    async def open(self) -> None:
        """Make everything ready that a first call may need; the cloud itself waits for that call."""
        home = Path(self.stack.file).resolve().parent / ".valve"
        settings, stack = self.settings, self.stack
        tables = template.schema(stack)
        judge = Judge(self.policy, stack)
        external = None if settings.backend == "moto" else endpoint(settings.backend, settings.account)
        self._cloud = Cloud(stack, self._seeds, external, tables, judge.base, self._say)
        self._sink = audit.FileSink(settings.audit or home / "audit.jsonl")
        try:
            self._book = SqliteBook(
                _made(settings.labels or home / "labels.db"), self._cloud.generation, sole=self._cloud.sole
            )
        except BookError as error:
            raise Invalid(
                Where(str(settings.labels or home / "labels.db")),
                f"the label book does not open: {error}",
                "name another with `--labels`",
            ) from error
        court = Court(judge, self.mode, stack.account, stack.region)
        self._upstream = Upstream()
        self.passage = Passage(
            court,
            stack,
            self._book,
            self._sink,
            Aws(stack.account, stack.region, tables, custom_hosts(stack, settings.resolve)),
            self._upstream,
            self._cloud.endpoint,
            self._invoked,
            self._seen,
            _ident,
            settings.resolve,
            lru_cache(4096)(self._quote),  # 0.3 ms of the 1 ms that a guarded call may add
        )
        self._recover()
        authority = Authority.create(time.time())
        self._housing = Housing(stack, settings, self.passage, authority, self._say, self._cloud.tick)
        self._waking = Waking(self.passage, self._woken, self._say)
        await self._cloud.open(self._book)

    def _recover(self) -> None:
        """Close what a valve that was killed left open: whether that happened is unknown (ADR 2)."""
        for record, _ in self._book.open():
            self._book.settle(record, Outcome.UNKNOWN)
            self._sink.write(
                Record(
                    record,
                    now(),
                    "valve",
                    "Recovered",
                    self.stack.region,
                    self.stack.account,
                    "settled",
                    self.mode,
                    "",
                    "",
                    "",
                    outcome="unknown",
                )
            )
            self._say(
                f"valve: `{record}` was under way when a valve ended; its cells keep old and new labels"
            )

    async def close(self) -> None:
        """End every environment, then the cloud."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._housing.close()
        await self._upstream.close()
        await self._cloud.close()
        self._book.close()
        self._sink.close()

    # Invoking

    async def invoke(self, function: str, payload: bytes, event_source: str = "") -> Finished:
        """Invoke a function for the operator; its result is judged before it is returned (law 11)."""
        run = await self._run(function, payload, Holding(), event_source, "operator", "")
        if run.subject is None or self.mode is Mode.OFF:
            return Finished(run.payload, run.failed)
        ident, verdict = await drive(result(self.passage.court, run.subject), self.passage.at_once)
        if verdict.passes:
            return Finished(run.payload, run.failed)
        return Finished(runtime.faults.refused("Valve.ResultRefused", ident), True)

    async def _run(
        self, function: str, payload: bytes, carried: Holding, trigger: str, source: str, cause: str
    ) -> Any:
        return await self._housing.run(
            function, payload, carried, trigger, _fields(payload) if trigger else {}, source, cause
        )

    async def _invoked(
        self, arn: str, payload: bytes, waits: bool, label: Label, ways: tuple[Way, ...], cause: str
    ) -> Invoked:
        """Invoke a function for another one."""
        function = next(f.logical for f in self.stack.functions.values() if f.arn == arn)
        if self._looping(cause):
            return Invoked(runtime.faults.recursion(), True, CLEAN, ())
        course = self._run(function, payload, Holding(label, True, ways), "", arn, cause)
        if not waits:
            self._later(course)
            return Invoked(b"", False, CLEAN, ())
        run = await course
        return Invoked(run.payload, run.failed, run.label, run.ways)

    async def _woken(
        self, function: str, payload: bytes, carried: Holding, trigger: str, source: str, cause: str
    ) -> tuple[bytes, bool]:
        """Invoke a function for a queue."""
        if self._looping(cause):
            self._say(f"valve: {function} is not woken again by {trigger}: it looks like a loop")
            return runtime.faults.recursion(), True
        run = await self._run(function, payload, carried, trigger, source, cause)
        return run.payload, run.failed

    def _looping(self, cause: str) -> bool:
        """Say whether the chain of wakings that ends with this record is too long."""
        length = 0
        while cause and length <= DEPTH:
            cause, length = self._causes.get(cause, ""), length + 1
        return length > DEPTH

    def _later(self, course: Any) -> None:
        task = asyncio.ensure_future(course)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def drain(self) -> None:
        """Wait until nothing that was woken is under way any more."""
        while self._background or self._waking.due:
            await self._waking.turn()
            if self._background:
                await asyncio.wait(set(self._background), return_when=asyncio.FIRST_COMPLETED)

    # What the operator sees

    @property
    def backend_failed(self) -> bool:
        """Say whether the backend did not answer, once at least."""
        return self.passage.failed

    def _seen(self, record: Record) -> None:
        self._tally.add(record)
        if record.verdict == "settled":
            self._waking.settled(record)
            return
        self.records.append(record)
        if record.operation in WAKING:
            self._causes[record.ident] = record.cause
        if record.verdict == "refuse":
            self._show(record)
        if len(self.records) > KEPT:
            # Why: what let a label in is what a later refusal wants to tell; the file has every record.
            self.records[:] = [r for r in self.records[: KEPT // 2] if r.joined] + self.records[KEPT // 2 :]

    def _show(self, record: Record) -> None:
        if self.mode is Mode.ENFORCE or record.reasons[0].rule in ALWAYS:
            self.refusals.append(record)
        reason, place = record.reasons[0], (record.evidence.file, record.evidence.line)
        what = (record.service, record.operation, record.resources, reason.rule, reason.excess)
        again = (record.invocation, *what, place)
        if again in self._shown:
            return  # Why: a line in a loop is told about once; every refusal has its record and is counted
        self._shown.add(again)
        self._say(report.refusal(record, self.records, self.title))

    def title(self, resource: str) -> str:
        """Return what to call a resource in front of people."""
        named = self.stack.title(resource)
        return report.plain(named) if named != resource else report.short(resource)

    def summary(self) -> str:
        """Return one line about the run; "" when there was nothing to tell."""
        return f"valve: {self._tally.text()}" if self.records else ""

    def _quote(self, function: str, file: str, line: int) -> Evidence:
        """Return the place among the operator's files that a function names, with its text if it is there."""
        folder = self.stack.functions[function].code.folder
        if folder is None or not file.startswith("/var/task/"):
            return Evidence(file, line)
        path = (folder / file.removeprefix("/var/task/")).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file() or path.stat().st_size > 4 << 20:
            return Evidence(file, line)
        base = self.stack.folder.resolve()
        shown = str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return Evidence(shown, line, lines[line - 1].strip() if 0 < line <= len(lines) else "")


def load(path: Path, last: bool = False) -> Node:
    """Read and parse a file; with `last` a key may be written twice (`text.parse`). Raises `Invalid`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be read: {error.strerror}", "mend the path") from error
    return text.parse(content, str(path), last=last)


def _with_variables(stack: Stack, told: Mapping[str, Mapping[str, Any]]) -> Stack:
    """Lay `--env-vars` over the functions' own variables."""
    if not told:
        return stack
    functions = {}
    for logical, function in stack.functions.items():
        extra = {**told.get("Parameters", {}), **told.get(function.name, {}), **told.get(logical, {})}
        words = {k: str(v) for k, v in extra.items() if v is not None}
        functions[logical] = replace(function, environment={**function.environment, **words})
    return replace(stack, functions=functions)


def _beside(path: Path, name: str, when: bool = True) -> Path | None:
    found = path.parent / name
    if path.parent.name == "build" and path.parent.parent.name == ".aws-sam" and not found.is_file():
        found = path.parent.parent.parent / name
    return found if when and found.is_file() else None


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _ident() -> str:
    return f"r-{os.urandom(6).hex()}"


def _fields(payload: bytes) -> dict[str, str]:
    """Return an event's scalars by their dotted path, to fill `{…}` of labels with (law 18)."""
    found: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key))
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            found[path] = str(value)

    try:
        walk(json.loads(payload), "")
    except (ValueError, RecursionError):
        return {}
    return found


__all__ = ["Finished", "NotStarted", "Valve"]
