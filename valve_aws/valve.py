"""The assembly: the rooms of one stack joined together, their lifetimes, and one invocation from end to end.

Knows who needs whom. Decides nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valve_aws import application, audit, sandbox, template
from valve_aws.answering.operating import Operating
from valve_aws.aws import Aws, Keyring
from valve_aws.backend import Endpoint, Moto, Seed
from valve_aws.clock import Clock, Virtual
from valve_aws.cloud import Cloud, NotStarted, Start, custom_hosts, met, secrets
from valve_aws.course.carry import Court
from valve_aws.environments.nursery import KINDS, Zygotes
from valve_aws.environments.prepare import Prepared
from valve_aws.flow import Bystander, Judge
from valve_aws.labels import SqliteBook
from valve_aws.model.invocation import NOTHING_BESIDE, Beside
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.ports import BookError, Outcome
from valve_aws.model.record import Record
from valve_aws.model.safe import plain
from valve_aws.model.source import Invalid, Where
from valve_aws.model.stack import Function, KeySchema, Stack
from valve_aws.model.verdict import Holding, Mode
from valve_aws.passage.driver import Passage, ident, now
from valve_aws.proxy import Authority, Upstream
from valve_aws.running.debugging import debuggable
from valve_aws.running.housing import Housing
from valve_aws.running.invoking import NOT_LABELLED, Invoking
from valve_aws.running.ledger import Ledger
from valve_aws.running.loglines import Heard, unheard
from valve_aws.running.preparing import ready
from valve_aws.running.quoting import Quoting
from valve_aws.running.streaming import Finished, Stream
from valve_aws.running.triggering import Triggering
from valve_aws.settings import Settings

if TYPE_CHECKING:
    from valve_aws.answering.entrance import Entrance
    from valve_aws.api.operations import LambdaApi

Say = Callable[[str], None]


class Valve:
    """One stack, guarded. `read` it, `open` it, `invoke`, `drain`, `close`; on one loop."""

    quoting = Quoting
    def __init__(
        self,
        settings: Settings,
        stack: Stack,
        flow: FlowPolicy,
        seeds: tuple[Seed, ...],
        say: Say,
        judge: Callable[[FlowPolicy, Stack], Judge] = Judge,
        heard: Heard = unheard,
        moto: Start = Moto.start,
        clock: Clock | None = None,
        generation: str = "",
        zygotes: Zygotes | None = None,
    ) -> None:
        """`heard` is told of every line of a function's log; `moto` gives the embedded cloud; `clock` is what
        retries, ages and schedules go by, None for a time that `drain` and `clock.advance` move.
        `generation` is that of an embedded cloud that was kept, in which no seed is put again.
        `zygotes` are those that several valves have in common, None for its own."""
        self._generation, self._zygotes = generation, zygotes
        self.clock = clock or Virtual()
        self._judge, self._heard, self._moto = judge, heard, moto
        self._operating: Operating | None = None
        self.settings, self.stack, self.policy, self._seeds, self._say = settings, stack, flow, seeds, say
        self.mode = Mode(settings.mode) if settings.mode else flow.mode
        self.ledger = Ledger(stack, say)
        self._prepared: dict[str, Prepared] = {}

    @classmethod
    def read(cls, settings: Settings, say: Say, **more: Any) -> Valve:
        """Read template, seed and policy; `more` is what a `Valve` takes. Raises `Invalid`; nothing was
        started."""
        stack, seeds = application.read(settings, say)
        return cls(settings, stack, application.rules(settings, stack), seeds, say, **more)

    def choose(self, named: str, event_source: str) -> str:
        """Return the logical id of the function that is meant. Raises `Invalid`."""
        return application.choose(self.stack, self.policy, named, event_source, self._say)

    def prepare(self, function: str) -> None:
        """See that a function's code can be run and that the files of a run can be written. Raises
        `Invalid`; nothing was started or written. Once for each function."""
        if function in self._prepared:
            return
        for flag in ("audit", "labels", "log"):
            _vetted(getattr(self.settings, flag) or self._home / flag, f"--{flag}{'-file' * (flag == 'log')}")
        made = ready(self.stack.functions[function], self.settings, self._say)
        self._prepared[function] = debuggable(self.settings, made)

    @property
    def _home(self) -> Path:
        return application.kept(Path(self.stack.file).resolve()) / ".valve"

    # Lifetime

    async def open(self) -> None:
        """Make everything ready that a first call may need; the cloud itself waits for that call."""
        home, settings, stack = self._home, self.settings, self.stack
        self._schemas = template.schema(stack)
        judge = self._judge(self.policy, stack)
        external = await met(application.outside(settings), stack, self._say)
        told = (self.tables, judge, self._say, self._moto, settings.create, self._generation)
        self._cloud = Cloud(stack, () if self._generation else self._seeds, external, *told)
        self._sink = audit.FileSink(settings.audit or own(home / "audit.jsonl"))
        self._book = self._opened(settings.labels or own(home / "labels.db"))
        court = Court(judge, self.mode, stack.account, stack.region)
        self._upstream = Upstream()
        ring = Keyring(os.urandom)
        self.passage = Passage(
            court,
            stack,
            self._book,
            self._sink,
            Aws(
                stack.account,
                stack.region,
                self.tables,
                custom_hosts(stack, settings.resolve),
                ring=ring,
                secrets=secrets(stack, self.policy, self._seeds),
            ),
            self._upstream,
            self._cloud.endpoint,
            lambda *asked: self._invoking.for_function(*asked),
            self._seen,
            ident,
            settings.resolve,
            lru_cache(4096)(lambda *at: self.quoting(self.stack).quote(*at)),  # 0.3 ms of a call's 1 ms
            ring,
            lru_cache(4096)(self._tell),  # once each
        )
        self._recover()
        authority = Authority.create(time.time())
        ring.keep("the key of the valve's own authority", *authority.secret())
        around = (self._cloud.tick, self._prepared, self._heard, self._zygotes)
        self._housing = Housing(stack, settings, self.passage, authority, self._say, *around)
        await self._housing.debugging.open()
        self._invoking = Invoking(self._housing, self.passage, self.ledger, self._say)
        beside = (self._cloud, self.clock, self.ledger, self.tables, self._say)
        self.triggering = Triggering(self.passage, self._invoking, *beside)
        await self._cloud.open(self._book)

    def _opened(self, path: Path) -> SqliteBook:
        """Open the label book. Raises `Invalid`."""
        try:
            return SqliteBook(_made(path), self._cloud.generation, sole=self._cloud.sole)
        except BookError as error:
            problem = f"the label book does not open: {error}"
            raise Invalid(Where(str(path)), problem, "name another with `--labels`") from error

    def tables(self, table: str) -> KeySchema | None:
        """Return how a table of the stack tells its items apart (`ports.Tables`)."""
        return self._schemas(table)

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

    async def learn(self, stack: Stack, flow: FlowPolicy) -> None:
        """Take the application as it is now; what is under way goes on under the new one."""
        before = self.mode
        self.stack, self.policy = stack, flow
        self.mode = Mode(self.settings.mode) if self.settings.mode else flow.mode
        self.ledger.stack = stack
        self.passage.stack = stack
        self._schemas = template.schema(stack)
        self.passage.aws.know(secrets(stack, flow, self._seeds))
        judge = self._judge(flow, stack)
        self.passage.court = Court(judge, self.mode, stack.account, stack.region)
        if self._operating is not None:
            self._operating.learn(stack, Bystander(flow, stack))
        if before is Mode.OFF and self.mode is not Mode.OFF:
            await self._housing.renew()  # Why: what its environments have learned so far, nobody has followed
            self.triggering.machines.doubt()

    async def renew(self) -> None:
        """Begin another run: no record, no label but the seed's, no environment that has seen an event.

        What takes long to make and has seen nothing stays: zygotes, spares, packages. An embedded cloud is
        filled anew when it is next needed; one that somebody else runs is not ours to empty.
        """
        await self._invoking.abandon()
        await self._housing.renew()
        self.triggering.forget()
        self.passage.failed, self.passage.lookout = False, None
        self._book.begin(await self._cloud.renew())
        self.ledger.clear()
        await self._cloud.open(self._book)

    async def rested(self) -> None:
        """Wait until what is made ahead of events is there: zygotes, spares."""
        await self._housing.rested()

    async def cloud(self) -> Endpoint:
        """Return where the operator's own clients reach the cloud, filled by then: what they put there has
        its label in the book, and is never judged. Raises `NotStarted`.

        Why not the backend's own address: the book would not know of what they write.
        """
        operating, backend = await self.operating(), await self._cloud.endpoint()
        if not operating.port:
            await operating.open()
        port, key = operating.port, operating.key
        return replace(backend, kind="url", host="127.0.0.1", port=port, tls=False, credential=key)

    async def operating(self) -> Operating:
        """Return what takes the operator's own requests to the cloud, filled by then. Raises `NotStarted`."""
        await self._cloud.endpoint()
        if self._operating is None:
            self._operating = Operating(self.passage, Bystander(self.policy, self.stack), self.invoke)
        return self._operating

    async def warm(self, functions: Collection[str]) -> None:
        """Start an environment of each function, by logical id; what cannot be is told, not raised. One that
        is debugged is not waited for, as it waits itself."""
        for logical in functions:
            function = self._invoking.current(self.stack.functions[logical])
            warmed = self._warm(function)
            if self._housing.debugging.concerns(function):
                self._invoking.start(warmed)
            else:
                await warmed

    async def _warm(self, function: Function) -> None:
        try:
            await self._housing.warm(function)
        except Invalid as mistake:
            self._say(f"valve: {mistake}")

    async def close(self) -> None:
        """End every environment, then the cloud."""
        await self.triggering.close()
        await self._invoking.close()
        if self._operating is not None:
            await self._operating.close()
        await self._housing.close()
        await self._upstream.close()
        await self._rests()
        await self._cloud.close()
        self._book.close()
        self._sink.close()

    async def _rests(self) -> None:
        """Do what is to be done once nobody calls the cloud any more, and it is still there."""

    # Invoking

    async def invoke(
        self,
        function: str,
        payload: bytes,
        event_source: str = "",
        beside: Beside = NOTHING_BESIDE,
        carried: Holding = NOT_LABELLED,
    ) -> Finished:
        """Invoke a function for the operator (`Invoking.operator`)."""
        return await self._invoking.operator(function, payload, event_source, beside, carried)

    def lambda_api(
        self, functions: Collection[str] = (), address: Callable[[str], str] | None = None
    ) -> LambdaApi:
        """Return the Lambda API of this valve, which has these functions deployed, by logical id; all if none
        are named. `address` gives a function URL for its id. Once for each valve."""
        from valve_aws.answering import controlling

        stack = self.stack
        if functions:
            stack = replace(stack, functions={name: stack.functions[name] for name in functions})
        engine = controlling.Controlling(
            self.passage,
            self._housing,
            self._invoking,
            lambda stack: self.learn(stack, self.policy),
            self._home / "packages",
            self._say,
            stack.functions,
            self.triggering,
        )
        return controlling.lambda_api(stack, engine, self.passage.versions, address)

    async def stream(
        self, function: str, payload: bytes, event_source: str = "", beside: Beside = NOTHING_BESIDE
    ) -> Stream:
        """Invoke a function for the operator, its result in pieces (`Invoking.stream`)."""
        return await self._invoking.stream(function, payload, event_source, beside)

    def entrance(self, ident: Callable[[], str], **more: Any) -> Entrance:
        """Return what answers the requests to the stack's APIs and function URLs; `more` is what an
        `Entrance` takes."""
        from valve_aws.answering.entrance import Entrance
        from valve_aws.triggers.gateway.mounting import mount

        more["hurries"] = not self.settings.debug_ports
        return Entrance(mount(self.stack), self._invoking, self._say, ident, time.time, **more)

    async def drain(self) -> None:
        """Wait until all that was begun has come to its end (`Triggering.drain`)."""
        await self.triggering.drain()

    # What the operator sees

    @property
    def backend_failed(self) -> bool:
        """Say whether the backend did not answer, once at least."""
        return self.passage.failed

    @property
    def records(self) -> list[Record]:
        """Return what was decided so far, in its order."""
        return self.ledger.records

    @property
    def refusals(self) -> list[Record]:
        """Return what was refused so far; in audit only what every mode refuses."""
        return self.ledger.refusals

    def summary(self) -> str:
        """Return one line about the run; "" when there was nothing to tell."""
        return self.ledger.summary()

    def _seen(self, record: Record) -> None:
        self.ledger.add(record)
        if record.verdict == "settled":
            self.triggering.settled(record)

    def _tell(self, why: str) -> None:
        self._say(f"valve: {plain(why)}")


def zygotes() -> Zygotes:
    """Return what grows zygotes for valves that have them in common. Whoever asks ends them."""
    return Zygotes(sandbox.Zygote.grow, KINDS)


def _vetted(path: Path, flag: str) -> None:
    """Refuse a file that cannot be written, before anything is made."""
    remedy = f"name another file with `{flag}`"
    if path.is_dir():
        raise Invalid(Where(str(path)), "a folder, where a file is to be written", remedy)
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if there != path and not there.is_dir():
        raise Invalid(Where(str(path)), f"`{there}` is not a folder", remedy)
    if not os.access(there, os.W_OK):
        raise Invalid(Where(str(path)), f"`{there}` may not be written", remedy)


def own(path: Path) -> Path:
    """Return a path of ours in a project's folder. Raises `Invalid` where it or its folder is a link.

    Why: the folder may be somebody else's, and what a function asked for would be written where he likes.
    """
    for each in (path.parent, path):
        if each.is_symlink():
            raise Invalid(Where(str(each)), "it is a link; what is kept stays in its folder", "remove it")
    return path


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


__all__ = ["Finished", "NotStarted", "Valve", "zygotes"]
