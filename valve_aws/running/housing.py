"""The environments of one stack: made, served, leased for one event, logged and ended.

Knows which function, tenant and label an environment is for. Decides nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from valve_aws import application, runtime, sandbox
from valve_aws.course.admit import admit
from valve_aws.course.drive import drive
from valve_aws.course.subject import Subject
from valve_aws.environments.cache import Cache
from valve_aws.environments.environment import Environment
from valve_aws.environments.host import cache_folder
from valve_aws.environments.nursery import Nursery, Zygotes
from valve_aws.environments.plan import plan
from valve_aws.environments.pool import Pool, Reuse
from valve_aws.environments.prepare import Prepared
from valve_aws.environments.spares import Spares
from valve_aws.environments.surroundings import Surroundings
from valve_aws.environments.unguarded import on_host
from valve_aws.model.invocation import Beside, Sink
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.plan import Bind, Jail, Plan
from valve_aws.model.stack import Function, Stack
from valve_aws.model.verdict import Holding, Mode, Principal, Way
from valve_aws.passage.driver import Passage
from valve_aws.proxy import Authority
from valve_aws.running import preparing
from valve_aws.running.debugging import Debugging
from valve_aws.running.loglines import Heard, LogLines, unheard
from valve_aws.running.serving import Serving
from valve_aws.settings import Settings


@dataclass(frozen=True, slots=True)
class Run:
    """What one event came to, before anything is released."""

    payload: bytes
    failed: bool
    label: Label
    ways: tuple[Way, ...]
    subject: Subject | None
    """None when the event was refused before any function saw it."""
    error_type: str = ""
    """`Runtime.ImportModuleError`, `Sandbox.Timedout` …; "" for a response."""

    @property
    def throttled(self) -> bool:
        """Say whether it was not begun, as too many others were under way."""
        return self.subject is None and self.error_type == THROTTLED


PROVIDED = {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}

THROTTLED = "TooManyRequestsException"


class Throttled(Exception):
    """A function serves as many events as it may at once."""

    def __init__(self, label: Label) -> None:
        """`label` is what those events carry, that there are so many is their doing, and what this one does.
        """
        super().__init__("Rate Exceeded.")
        self.label = label


class Housing:
    """Every environment of one run."""

    def __init__(
        self,
        stack: Stack,
        settings: Settings,
        passage: Passage,
        authority: Authority,
        say: Callable[[str], None],
        tick: Callable[[], float],
        prepared: Mapping[str, Prepared] | None = None,
        heard: Heard = unheard,
        zygotes: Zygotes | None = None,
    ) -> None:
        """`prepared` holds the functions that are ready already, by logical id; others join it. `heard` is
        told of every line of a function's log. `zygotes` are those of other runs too."""
        self._stack, self._settings, self._passage = stack, settings, passage
        self._authority, self._say = authority, say
        self._prepared: dict[str, Prepared] = dict(prepared or {})
        self._pools: dict[tuple[str, str], Pool] = {}
        self._spares: dict[str, Spares] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._provided: set[str] = set()
        """Keys of versions that are to have environments made ahead by their number."""
        self._working: dict[str, list[Label]] = {}
        """Logical id → what each event carries that it serves now."""
        self._cache = Cache(cache_folder(), say)
        self._home = application.kept(Path(stack.file).resolve()) / ".valve"
        self._served: set[str] = set()
        """Functions that have had an environment: who needs a second one will need more."""
        self.serving = Serving(passage, authority, settings.unsafe)
        self.debugging = Debugging(settings, passage, say)
        self._scratch: list[Path] = []
        self._lock = asyncio.Lock()
        self._nursery = Nursery(sandbox.spawn, sandbox.Zygote.grow, say, zygotes)
        file = settings.log.open("ab", buffering=0) if settings.log else None
        self.lines = LogLines(passage, say, file, heard)
        self._around = Surroundings(
            spawn=self._without_walls if settings.unsafe else self._nursery.spawn,
            serve=self._serve,
            machine=lambda f, external: runtime.Machine(
                lambda: str(uuid.uuid4()),
                f.name,
                f.handler,
                f.version or "$LATEST",
                stack.account,
                external,
            ),
            faults=runtime.faults,
            events=runtime.events,
            telemetry=runtime.telemetry,
            log=self.lines.take,
            now=time.time,
            tick=tick,
            region=stack.region,
        )

    async def run(
        self,
        function: Function,
        payload: bytes,
        carried: Holding,
        trigger: str,
        fields: Mapping[str, str],
        source: str,
        cause: str,
        beside: Beside,
        sink: Callable[[Subject], Sink] | None = None,
    ) -> Run:
        """Take one event in, have it served, and return what it came to with the label it has by then (law
        11).

        `sink` makes what takes the response in pieces, for the environment that serves the event.
        """
        expected = self._passage.court.judge.admit(
            Principal("", function.logical, trigger=trigger, fields=fields), carried
        )
        bound = CLEAN if self._passage.court.mode is Mode.OFF else expected.joins
        async with self._lease(function, beside.tenant, bound) as environment:
            subject = environment.subject
            subject.ways = {way.tag: way for way in expected.ways if way.tag in bound} | subject.ways
            subject.invocation, subject.trigger = beside.ident or str(uuid.uuid4()), trigger
            subject.fields, subject.cause = fields, cause
            verdict = await drive(admit(self._passage.court, subject, source, carried), self._passage.at_once)
            if not verdict.passes:
                return Run(
                    runtime.faults.refused("Valve.EventRefused", subject.invocation),
                    True,
                    carried.label | bound,
                    tuple({way.tag: way for way in (*expected.ways, *carried.ways)}.values()),
                    None,
                )
            done = await environment.invoke(
                subject.invocation,
                payload,
                arn=beside.arn,
                trace=trace(beside.trace, function.traced),
                client_context=beside.client_context,
                tenant=beside.tenant,
                sink=sink and sink(subject),
            )
            # Why a copy: the environment itself may be at its next event before this one's end is judged.
            who = replace(subject, ways=dict(subject.ways), outgoing={})
            return Run(done.payload, done.failed, who.label, tuple(who.ways.values()), who, done.error_type)

    @asynccontextmanager
    async def _lease(self, function: Function, tenant: str, label: Label) -> AsyncIterator[Environment]:
        """Give an environment for one event.

        Why turns: a caller thinks up tenants as it likes, and each has a pool of its own. Raises `Throttled`
        at once: AWS lets nobody wait (Lambda developer guide, "Understanding Lambda function scaling").
        """
        working = self._working.setdefault(function.logical, [])
        if function.reserved is not None and len(working) >= function.reserved:
            raise Throttled(label.union(*working))
        working.append(label)
        try:
            async with self._turn(function, tenant, label) as environment:
                yield environment
        finally:
            working.remove(label)

    @asynccontextmanager
    async def _turn(self, function: Function, tenant: str, label: Label) -> AsyncIterator[Environment]:
        """Give an environment once there is room for one more at work."""
        async with self._turns.setdefault(function.key, asyncio.Semaphore(self._at_once(function))):
            pool = await self._pool(function, tenant)
            async with pool.lease(label) as environment:
                yield environment

    async def _pool(self, function: Function, tenant: str) -> Pool:
        """Return a function's pool for one tenant; its packages are prepared once, off the loop.

        Why a pool for each: what serves one tenant never serves another (Lambda tenant isolation mode).
        """
        async with self._lock:
            name = function.key
            await self._ready(function)
            if (name, tenant) not in self._pools:
                await self._make_room(name)
                prepared, reuse = self._prepared[name], Reuse(self._settings.reuse)
                spares = self._spares_of(prepared)
                self._pools[name, tenant] = Pool(
                    lambda label: self._make(prepared, label), reuse, self._at_once(function), spares
                )
            return self._pools[name, tenant]

    def _at_once(self, function: Function) -> int:
        """Return how many environments of a function may be at work. Why one that is debugged is alone: the
        ports lead into one."""
        return 1 if self.debugging.concerns(function) else self._settings.at_once

    async def _ready(self, function: Function) -> None:
        """Prepare a function, once for each state of each version."""
        if function.key not in self._prepared:
            self._prepared[function.key] = await asyncio.to_thread(
                preparing.whole, function, self._cache, self._say, self._settings.allow_build
            )

    def _spares_of(self, prepared: Prepared) -> Spares:
        """Return a function's spares. Why one for all tenants: they have seen no event."""
        name, bytes_ = prepared.function.key, self._settings.spare_memory << 20
        if name not in self._spares:
            bare = self._settings.unsafe or self.debugging.concerns(prepared.function)
            most = 0 if bare else self._settings.spares
            self._spares[name] = Spares(
                lambda: self._make(prepared, CLEAN, PROVIDED if name in self._provided else None),
                most,
                lambda more: sum(each.held for each in self._spares.values()) + more <= bytes_,
            )
        return self._spares[name]

    async def _make_room(self, name: str) -> None:
        """End what rests for a function's other tenants when there are as many as may be at work at once."""
        others = [key for key in self._pools if key[0] == name]
        if len(others) >= self._settings.at_once:
            for key in [key for key in others if self._pools[key].rests]:
                await self._pools.pop(key).close()

    def _make(self, prepared: Prepared, label: Label, extra: Mapping[str, str] | None = None) -> Environment:
        """Return an environment for events of a label; `extra` are variables beside its own.

        Why it has that from the start: that it is made at all, and what its init does, is their doing.
        """
        ident = f"{prepared.function.logical}-{os.urandom(4).hex()}"
        key = self.serving.issue(ident, prepared.function.logical)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/"
        stream += f"[{prepared.function.version or '$LATEST'}]{os.urandom(16).hex()}"
        region, pem = self._stack.region, self._authority.pem
        made = plan(prepared, key, region=region, stream=stream, authority=pem, extra=extra)
        made = self._without_ours(made, prepared.function)
        function = prepared.function
        if self.debugging.concerns(function):
            made, function = self.debugging.planned(made, prepared), self.debugging.unhurried(function)
        elif function.logical in self._served and not self._settings.unsafe:
            self._nursery.want(made)
        self._served.add(function.logical)
        subject = Subject(ident, function.logical, label)
        return Environment(subject, function, made, self._around)

    def _serve(self, environment: Environment, jail: Jail) -> Callable[[], None]:
        if environment.plan.wakeful:
            self.debugging.arrived(environment, jail)
        return self.serving.serve(environment, jail)

    async def warm(self, function: Function) -> None:
        """Have an environment of a function's started and at rest, for the first event without a label.

        Raises what starting one raises, and `Invalid`; its own faults are told with that event.
        """
        pool = await self._pool(function, "")
        async with pool.lease() as environment:
            await environment.rest()

    def _without_ours(self, plan: Plan, function: Function) -> Plan:
        """Cover what is the guard's own in a function's code folder: policy, seed, records, labels."""
        folder = function.code.folder.resolve() if function.code.folder else None
        if folder is None:
            return plan
        ours = self._settings
        told = (ours.policy, ours.seed, ours.audit, ours.labels, ours.log)
        # Why as shown: what the function sees may be a copy of its folder, which has not all of it.
        shown = next((bind.source for bind in plan.binds if bind.target == "/var/task"), folder)
        named = [path.resolve() for path in told if path]
        named += [folder / name for name in ("valve.yaml", "seed.yaml")]
        named += [path.with_name(path.name + tail) for path in named for tail in ("-wal", "-shm")]
        inside = {path.relative_to(folder) for path in named if path.is_relative_to(folder)}
        homes = {p.relative_to(folder) for p in (folder / ".valve", self._home) if p.is_relative_to(folder)}
        covered = [path for path in homes if (shown / path).is_dir()]
        binds = tuple(Bind(self._cache.empty(), f"/var/task/{path}") for path in covered)
        # Why not within these: they are empty then, and nothing can be laid there.
        inside = {path for path in inside if not any(path.is_relative_to(home) for home in covered)}
        files = {f"/var/task/{path}": b"" for path in inside if (shown / path).is_file()}
        return replace(plan, binds=plan.binds + binds, files={**plan.files, **files})

    def _without_walls(self, made: Plan) -> Jail:
        """Start an environment that nothing guards (`--unsafe-cooperative`)."""
        listeners = sandbox.loopback_listeners()
        proxy, api = (listener.getsockname()[1] for listener in listeners.tcp)
        scratch = Path(tempfile.mkdtemp(prefix="valve-unsafe-"))
        self._scratch.append(scratch)
        there, files = on_host(made, scratch, proxy, api)
        for path, content in files.items():
            path.write_bytes(content)
        return sandbox.spawn_unsafe(there, listeners)

    async def renew(self) -> None:
        """End every environment that has seen an event; a spare is made for each function that had one."""
        pools, self._pools = self._pools, {}
        await asyncio.gather(*(pool.close() for pool in pools.values()))
        # Why: what they still had under way is settled in this run's book, not in the next one's.
        if leaving := self.serving.busy:
            await asyncio.wait(leaving, timeout=5)
        for name, _ in pools:
            if spares := self._spares.get(name):  # Why: its function may have been forgotten meanwhile
                spares.want()
                spares.refill()

    async def rested(self) -> None:
        """Wait until what is made ahead is there."""
        await self._nursery.grown()
        await asyncio.gather(*(spares.filled() for spares in self._spares.values()))

    async def prepare(self, function: Function) -> None:
        """Make ready what a function's first environment will need. Raises `Invalid`."""
        async with self._lock:
            await self._ready(function)

    async def provide(self, function: Function, count: int) -> str:
        """Have so many environments of a version made ahead; return why they cannot be, "" when they can.

        Why "" for one whose init calls out: what such a call does is some event's doing, so its environments
        are made when an event needs them, as ever.
        """
        await self.prepare(function)
        if self._settings.unsafe:
            return ""
        key, broken = function.key, False
        (self._provided.add if count else self._provided.discard)(key)
        if before := self._spares.pop(key, None):  # Why: those are told that they were made otherwise
            await before.close()
        if count:
            spares = self._spares_of(self._prepared[key])
            spares.keep(count)
            await spares.filled()
            broken = spares.broken
        await self._clear(key)  # Why: the next event is for what was provided, no more for what is warm
        return "FUNCTION_ERROR_INIT_FAILURE" if broken else ""

    async def _clear(self, key: str) -> None:
        """End what rests of a function's version; what is at work ends when it comes back."""
        for name in [name for name in self._pools if name[0] == key]:
            await self._pools.pop(name).close()

    async def forget(self, key: str) -> None:
        """End what there is of a function's version that is no more (`Function.key`)."""
        await self._clear(key)
        if spares := self._spares.pop(key, None):
            await spares.close()
        self._prepared.pop(key, None)
        self._turns.pop(key, None)

    async def close(self) -> None:
        """End every environment and stop listening."""
        pools, spares = self._pools.values(), self._spares.values()
        await asyncio.gather(*(pool.close() for pool in pools), *(each.close() for each in spares))
        await self._nursery.close()
        await self.debugging.close()
        await self.serving.close()
        for folder in self._scratch:
            shutil.rmtree(folder, ignore_errors=True)
        self.lines.close()


def trace(given: str, active: bool) -> str:
    """Return the X-Ray header of an event. Why always one: libraries complain at every call where there is
    none."""
    root = f"1-{int(time.time()):08x}-{os.urandom(12).hex()}"
    return runtime.tracing.trace(given, active, root, os.urandom(8).hex())
