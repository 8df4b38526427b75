"""One execution environment's life: cold start, events one at a time, and its end.

Knows phases, limits and what AWS says at each. Does not know how a sandbox is made, nor who owns its sockets.
Source: AWS Lambda developer guide, `Understanding the Lambda execution environment lifecycle`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

from valve_aws.course.subject import Subject
from valve_aws.environments.conversation import Answered, Conversation
from valve_aws.environments.ending import Ending, Fate
from valve_aws.environments.process import Pump, born, watch
from valve_aws.environments.surroundings import Surroundings
from valve_aws.environments.telemetry import Telemetry
from valve_aws.environments.telling import Telling
from valve_aws.environments.upstream import Caller
from valve_aws.model.invocation import Done, Invocation, Kind, Sink
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.plan import Jail, Plan
from valve_aws.model.stack import Function
from valve_aws.model.telemetry import Subscription, Told

INIT_LIMIT = 10.0
"""Seconds of the init phase (AWS). What is not ready then goes on within the first invocation's own time."""
LAST_BATCH = 0.3
"""Seconds in which listeners get what they have not had yet, before they are told of the end."""
FAREWELL = 2.0
"""Seconds that external extensions get at the end (AWS)."""
MIB = 1024 * 1024
NO_TRAILERS: Mapping[str, str] = {}


class Environment:
    """One environment. Everything is called on one loop; `subject` is the courses' to change."""

    def __init__(
        self, subject: Subject, function: Function, plan: Plan, around: Surroundings[Environment]
    ) -> None:
        self.subject = subject
        self.function = function
        self.plan = plan
        self.baseline = CLEAN
        """What its own init has read: every event that it serves brings that along (laws 1, 12)."""
        self.init: float | None = None
        """Seconds of the cold start, from the sandbox's first moment to the runtime's first `next`."""
        self.served = 0
        self.crossed = False
        """It wanted to call out while no event was known, and was ended."""
        self.jail: Jail | None = None
        self._around = around
        self._api = around.machine(function, plan.extensions)
        self._talk = Conversation(self._api, around.tick, self._noted)
        structured = function.logging.format == "JSON"
        self._telemetry = Telemetry(around.telemetry, self._time, structured, self._caller)
        self._tells = Telling(
            lambda stream, line: around.log(self, stream, line),
            self._telemetry,
            function.logging,
            self._time,
            bool(plan.extensions),
            self._overflow,
        )
        self._gone = asyncio.Event()
        self._fate = Fate()
        self._ending = Ending(function, around, self._talk, self._fate, self._time)
        self._busy = False
        self._frozen = False
        self._spoiled = False
        self._closing = False
        self._ahead = False
        self._init_over = False
        self._pump: Pump | None = None
        self._stop: Callable[[], None] | None = None
        self._burying: asyncio.Future[None] | None = None

    @property
    def ident(self) -> str:
        """Its name, as records and the label book have it."""
        return self.subject.environment

    @property
    def alive(self) -> bool:
        """Say whether it can serve another event."""
        failed = self._spoiled or (self._talk.done is not None and self._talk.done.kind is Kind.INIT_ERROR)
        return self.jail is not None and self._fate.status is None and not failed

    @property
    def peak(self) -> int:
        """Return the most memory that it was seen to use, in bytes."""
        return self._fate.peak

    async def start(self) -> None:
        """Make the sandbox and wait for the end of the init phase. The function's own faults are told by
        `invoke`.

        Raises what `spawn` raises.
        """
        events, version = self._around.events, self.function.version or "$LATEST"
        named = (self.function.runtime, self._around.region, self.function.name, version)
        self._tells.platform(events.init_start(*named))
        began = self._around.tick()
        wrapper = self.plan.environ.get("AWS_LAMBDA_EXEC_WRAPPER", "")
        self.jail = await born(lambda: self._around.spawn(self.plan), wrapper)
        loop = asyncio.get_running_loop()
        self._pump = Pump(loop, self.jail, self._tells.line)
        watch(loop, self.jail, self._ended)
        self._stop = self._around.serve(self, self.jail)
        await self._until(lambda: self._api.ready or self._talk.done is not None, INIT_LIMIT)
        failed = self._failed()
        how = self._ending.of_start(failed, self._api.ready, self.subject.label)
        self._tells.platform(events.init_done(*how))
        left = INIT_LIMIT - (self._around.tick() - began)
        ready = not failed and await self._until(lambda: self._api.idle, left)
        self.init = self._around.tick() - began
        # Invariant: what code of an init that has not ended learns later is no baseline; it is an event's.
        self.baseline = self.subject.label
        await (self._pump.sweep() if self._fate.status is None else self._gone.wait())
        if ready:
            self._begun()
        elif not failed:
            how = self._ending.of_start(self._failed(), False, self.subject.label)
        if self._talk.crashed:
            self._spoiled = True
            self._begun()
        self._tells.platform(events.init_report(self.init, *how))

    def _failed(self) -> bool:
        """Say whether the start is over without the runtime being ready."""
        talk = self._talk
        return talk.done is not None or talk.crashed is not None or self._fate.status is not None

    def _begun(self) -> None:
        """Close what is open in an init alone: nobody registers or subscribes any more."""
        if not self._init_over:
            self._init_over = True
            for told in self._api.begun():
                self._tells.platform(told)
            self._telemetry.closed()

    async def start_ahead(self) -> bool:
        """Start before any event is known, and rest; say whether init came to its end and nothing left.

        Invariant: until `adopt` nothing crosses and no line is told, so whatever its init does, and that it
        is there at all, is of no event's label.
        """
        self._ahead = True
        self._tells.hold()
        await self.start()
        whole = self.alive and self._api.idle
        if whole:
            await self.rest()
        return whole and self.alive

    def adopt(self, label: Label) -> None:
        """Be for events of this label from now on, as if started for the first of them."""
        self.subject.take(label, ())
        self.baseline |= label
        self._ahead = False
        self._tells.release()

    def crosses(self) -> bool:
        """Say whether what comes out of it may cross now; one that no event is known for ends there."""
        if self._ahead:
            self.crossed = self._spoiled = True
            if self.jail:
                self.jail.kill()
        return not self._ahead

    async def invoke(
        self,
        ident: str,
        payload: bytes,
        *,
        arn: str = "",
        trace: str = "",
        client_context: str = "",
        cognito: str = "",
        tenant: str = "",
        sink: Sink | None = None,
    ) -> Done:
        """Serve one event and write its START, END and REPORT lines. One at a time: RuntimeError when it is
        busy.

        `sink` takes the response in pieces if the runtime sends it so; then the end's payload is empty, or
        that of an error which came after the pieces.

        Raises ValueError when `ident`, `trace` or the contexts cannot be put into a header.
        """
        if self._busy or self.jail is None:
            raise RuntimeError("an environment serves one event at a time, after its start")
        self._busy = True
        self._talk.begin(sink)
        try:
            return await self._serve(
                Invocation(
                    ident,
                    payload,
                    self._around.now() + self.function.timeout,
                    arn or self.function.arn,
                    trace,
                    client_context,
                    cognito,
                    tenant,
                    sink is not None,
                )
            )
        except BaseException:
            # Why: whoever waited has gone, and nobody knows what the runtime is at.
            self._spoiled = True
            self.jail.kill()
            raise
        finally:
            self._busy = False

    async def runtime_request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        trailers: Mapping[str, str] = NO_TRAILERS,
    ) -> Answered:
        """Answer one request to the Runtime API as (status, headers, body); waits for as long as it takes.

        `body` may be cut after the response limit and one byte. Raises ConnectionError when the environment
        ends.
        """
        return await self._talk.request(method, path, headers, body, trailers)

    async def runtime_stream(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        pieces: AsyncIterator[bytes],
        trailers: Callable[[], Mapping[str, str]],
    ) -> Answered | None:
        """Take a response in pieces for whoever takes it so; None for any other request, of which nothing was
        read."""
        return await self._talk.stream(method, path, headers, pieces, trailers)

    async def close(self, reason: str = "spindown") -> None:
        """End everything inside and wait until it is gone. Idempotent."""
        if self.jail is None:
            return
        await self._farewell(reason)
        self.jail.kill()
        await self._gone.wait()

    async def _farewell(self, reason: str) -> None:
        """Let extensions know of the end, and give them their time."""
        if self._fate.status is None and not self._closing:
            self._closing = True
            if self._telemetry.heard:
                await self._thaw()
                await self._telemetry.flush(LAST_BATCH)
            if self._api.shut(reason, self._around.now() + FAREWELL):
                await self._thaw()
                self._talk.turn()
                await self._until(lambda: self._api.gone, FAREWELL)

    async def _serve(self, invocation: Invocation) -> Done:
        ident, seconds, tick = invocation.ident, float(self.function.timeout), self._around.tick
        events, version = self._around.events, self.function.version or "$LATEST"
        beside = (invocation.trace, invocation.tenant)
        self._tells.platform(events.start(ident, version, *beside))
        began, at = tick(), self._around.now()
        if self._fate.status is None and not self._talk.done and not self._talk.crashed:
            await self._thaw()
            self._api.give(invocation)
            self._talk.turn()
            await self._until(lambda: self._talk.done is not None, seconds)
        done = self._talk.done or self._ending.by_platform(ident, seconds)
        taken = tick() - began
        if done.kind in {Kind.RESPONSE, Kind.ERROR}:
            await self._until(lambda: self._api.ready, seconds - taken)
        if done.error_type == "Runtime.TruncatedResponse" and self._fate.status is not None:
            done = self._ending.by_platform(ident, seconds)  # Why: it broke off because its writer ended
        over = None
        if self._tells.curious or done.kind not in {Kind.RESPONSE, Kind.ERROR}:
            over = self._ending.runtime_done(invocation, done, began, at, self.subject.label)
        if over and not over.lines:
            self._tells.platform(over)
        if done.kind in {Kind.RESPONSE, Kind.ERROR}:
            await self._until(lambda: self._api.idle, seconds - (tick() - began))
            taken = tick() - began
        if self._api.idle:
            self._begun()
        await self.rest()
        healthy = self._api.idle and self._fate.status is None and self._talk.crashed is None
        if not healthy and self.jail:
            await self._farewell("timeout" if done.kind is Kind.TIMEOUT else "failure")
            self.jail.kill()
            await self._gone.wait()
        if self._pump and self._fate.status is None:
            await self._pump.sweep()
        if over and over.lines:
            self._tells.platform(over)
        self._tells.platform(events.end(ident))
        init, self.served = self.init if not self.served else None, self.served + 1
        self._tells.platform(self._ending.report(invocation, done, taken, init, self.subject.label))
        self._talk.done = None if healthy else self._talk.done
        return done

    async def _until(self, met: Callable[[], bool], seconds: float) -> bool:
        """Wait until `met`, the environment's end, or the time; say whether it is met."""
        limit = self._around.tick() + seconds
        while not met() and self._fate.status is None and (self._closing or not self._talk.crashed):
            left = limit - self._around.tick()
            if left <= 0:
                break
            self._talk.news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._talk.news.wait()
        return met()

    def _ended(self, status: int) -> None:
        """Take note that nothing inside lives any more."""
        if self.jail:
            self._fate.peak = max(self._fate.peak, _figure(self.jail.peak_memory))
            # Why by name: only a jail that limits memory can say that it did.
            if getattr(self.jail, "cause", "") == "memory":
                self._fate.full = True
                self._fate.peak = max(self._fate.peak, self.function.memory * MIB)
            self._talk.crashed = self._talk.crashed or getattr(self.jail, "unstarted", None)
        self._fate.status = status
        self._talk.end()
        self._telemetry.end()
        self._burying = asyncio.ensure_future(self._bury())

    async def _bury(self) -> None:
        """Take in the last words, and stop serving."""
        if self._pump:
            await self._pump.finish()
        if self._stop:
            self._stop()
        self._gone.set()

    async def rest(self) -> None:
        """Read the figure of memory, and let nothing inside run until the next event, as on AWS.

        Why in a thread: the jail answers when it can, and what is inside may keep the machine busy.
        """
        jail, idle = self.jail, self._api.idle and not self.plan.wakeful
        if jail is None or self._fate.status is not None:
            return

        def rest() -> int:
            peak = _figure(jail.peak_memory)
            if idle:
                jail.freeze()
            return peak

        self._frozen = idle
        if idle:
            self._telemetry.sleep()
        self._fate.peak = max(self._fate.peak, await asyncio.to_thread(rest))

    async def _thaw(self) -> None:
        if self.jail and self._frozen:
            self._frozen = False
            await asyncio.to_thread(self.jail.thaw)
            self._telemetry.wake()

    def _overflow(self) -> None:
        self.crosses()

    def _noted(self, due: Subscription | Told) -> None:
        """Take what the Runtime API has to say beside answers."""
        if isinstance(due, Subscription):
            self._telemetry.subscribe(due)
        else:
            self._tells.platform(due)

    def _caller(self, to: Subscription) -> Caller:
        """Return what calls a listener of this environment, and of no other (law 11)."""
        jail = self.jail
        if jail is None:
            raise RuntimeError("nobody can have subscribed before the start")
        return Caller(jail.line, to)

    def _time(self, now: float | None = None) -> str:
        """Return a time, the present one if none is given, as AWS writes it."""
        time = datetime.fromtimestamp(self._around.now() if now is None else now, UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _figure(measure: Callable[[], int]) -> int:
    """Return a figure of memory in bytes; 0 when what was to be measured ended meanwhile."""
    try:
        return measure()
    except OSError:
        return 0
