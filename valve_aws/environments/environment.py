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
from valve_aws.environments.process import Pump, born, watch
from valve_aws.environments.surroundings import Surroundings
from valve_aws.model.invocation import Done, Invocation, Kind, Sink
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.plan import Jail, Plan
from valve_aws.model.stack import Function

INIT_LIMIT = 10.0
"""Seconds of the init phase (AWS). What is not ready then goes on within the first invocation's own time."""
FAREWELL = 0.3
"""Seconds that extensions get at the end (AWS gives 0.3 to 2)."""
HELD = 1000
"""Lines that an init may write before its event is known."""
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
        self._api = around.machine(function)
        self._talk = Conversation(self._api)
        self._gone = asyncio.Event()
        self._status: int | None = None
        self._peak = 0
        self._busy = False
        self._frozen = False
        self._full = False
        self._spoiled = False
        self._ahead = False
        self._held: list[tuple[str, str]] = []
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
        return self.jail is not None and self._status is None and not failed

    @property
    def peak(self) -> int:
        """Return the most memory that it was seen to use, in bytes."""
        return self._peak

    async def start(self) -> None:
        """Make the sandbox and wait for the end of the init phase. The function's own faults are told by
        `invoke`.

        Raises what `spawn` raises.
        """
        self._say("platform", self._around.wording.init_start(self.function.runtime, self._around.region))
        began = self._around.tick()
        self.jail = await born(lambda: self._around.spawn(self.plan))
        loop = asyncio.get_running_loop()
        self._pump = Pump(loop, self.jail, self._say)
        watch(loop, self.jail, self._ended)
        self._stop = self._around.serve(self, self.jail)
        ready = await self._until(lambda: self._api.idle or self._talk.done is not None, INIT_LIMIT)
        self.init = self._around.tick() - began
        # Invariant: what code of an init that has not ended learns later is no baseline; it is an event's.
        self.baseline = self.subject.label
        await (self._pump.sweep() if self._status is None else self._gone.wait())
        if not ready or self._talk.done:
            failed = self._talk.done is not None or self._status is not None
            how = ("error", self._failure()) if failed else ("timeout", "")
            self._say("platform", self._around.wording.init_report(self.init, *how))

    async def start_ahead(self) -> bool:
        """Start before any event is known, and rest; say whether init came to its end and nothing left.

        Invariant: until `adopt` nothing crosses and no line is told, so whatever its init does, and that it
        is there at all, is of no event's label.
        """
        self._ahead = True
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
        held, self._held = self._held, []
        for stream, line in held:
            self._say(stream, line)

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
        self._talk.sink = sink
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
        if self._status is None and self._api.shut(reason, self._around.now() + FAREWELL):
            await self._thaw()
            self._talk.turn()
            await self._until(lambda: False, FAREWELL)
        self.jail.kill()
        await self._gone.wait()

    async def _serve(self, invocation: Invocation) -> Done:
        ident, seconds, tick = invocation.ident, float(self.function.timeout), self._around.tick
        self._say("platform", self._around.wording.start(ident))
        began = tick()
        if self._status is None and not self._talk.done:
            await self._thaw()
            self._api.give(invocation)
            self._talk.turn()
            await self._until(lambda: self._talk.done is not None, seconds)
        done = self._talk.done or self._platform_end(ident, seconds)
        taken = tick() - began
        if done.kind in {Kind.RESPONSE, Kind.ERROR}:
            await self._until(lambda: self._api.idle, seconds - taken)
            taken = tick() - began
        if done.error_type == "Runtime.TruncatedResponse" and self._status is not None:
            done = self._platform_end(ident, seconds)  # Why: it broke off because its writer ended
        await self.rest()
        healthy = self._api.idle and self._status is None
        if not healthy and self.jail:
            self.jail.kill()
            await self._gone.wait()
        await self._conclude(ident, done, taken, seconds)
        self._talk.done = None if healthy else self._talk.done
        return done

    def _platform_end(self, ident: str, seconds: float) -> Done:
        """Return the end of an invocation that the runtime did not end itself."""
        faults = self._around.faults
        if self._status is None:
            return Done(Kind.TIMEOUT, faults.timed_out(ident, seconds), "Sandbox.Timedout")
        if self._failure() == "Runtime.OutOfMemory":
            return Done(Kind.MEMORY, faults.out_of_memory(ident), "Runtime.OutOfMemory")
        return Done(Kind.EXIT, faults.exited(ident, self._status), "Runtime.ExitError")

    def _failure(self) -> str:
        """Return the error type of an environment that failed."""
        if self._talk.done:
            return self._claimed(self._talk.done)
        return "Runtime.OutOfMemory" if self._full else "Runtime.ExitError"

    def _claimed(self, done: Done) -> str:
        """Return the error type of an end as the platform's own lines have it, which go into every log.

        Why not always the function's word: it has room for a thousand bits of what a labelled one learned
        (law 11).
        """
        chosen = done.kind is Kind.INIT_ERROR and self.subject.label
        return "Runtime.Unknown" if chosen else done.error_type

    async def _conclude(self, ident: str, done: Done, taken: float, seconds: float) -> None:
        """Write the lines of an invocation's end, after whatever the function has written."""
        wording = self._around.wording
        if self._pump and self._status is None:
            await self._pump.sweep()
        if done.kind is Kind.TIMEOUT:
            time = datetime.fromtimestamp(self._around.now(), UTC).isoformat(timespec="milliseconds")
            self._say("platform", wording.timed_out(time.replace("+00:00", "Z"), ident, seconds))
        elif done.kind in {Kind.EXIT, Kind.MEMORY}:
            for line in wording.exited(ident, -9 if self._status is None else self._status, done.error_type):
                self._say("platform", line)
        self._say("platform", wording.end(ident))
        status, error_type = STATUS.get(done.kind, ("error", self._claimed(done)))
        init, self.served = self.init if not self.served else None, self.served + 1
        figures = (ident, taken, self.function.memory, self._peak, init, status, error_type)
        self._say("platform", wording.report(*figures))

    async def _until(self, met: Callable[[], bool], seconds: float) -> bool:
        """Wait until `met`, the environment's end, or the time; say whether it is met."""
        limit = self._around.tick() + seconds
        while not met() and self._status is None:
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
            self._peak = max(self._peak, _figure(self.jail.peak_memory))
            # Why by name: only a jail that limits memory can say that it did.
            if getattr(self.jail, "cause", "") == "memory":
                self._full = True
                self._peak = max(self._peak, self.function.memory * MIB)
        self._status = status
        self._talk.end()
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
        jail, idle = self.jail, self._api.idle
        if jail is None or self._status is not None:
            return

        def rest() -> int:
            peak = _figure(jail.peak_memory)
            if idle:
                jail.freeze()
            return peak

        self._frozen = idle
        self._peak = max(self._peak, await asyncio.to_thread(rest))

    async def _thaw(self) -> None:
        if self.jail and self._frozen:
            self._frozen = False
            await asyncio.to_thread(self.jail.thaw)

    def _say(self, stream: str, line: str) -> None:
        if not self._ahead:
            self._around.log(self, stream, line)
        elif len(self._held) < HELD:
            self._held.append((stream, line))
        else:
            self.crosses()


STATUS = {Kind.RESPONSE: ("", ""), Kind.ERROR: ("", ""), Kind.TIMEOUT: ("timeout", "")}
"""What REPORT says of each end; whatever is not here is an error with its type."""


def _figure(measure: Callable[[], int]) -> int:
    """Return a figure of memory in bytes; 0 when what was to be measured ended meanwhile."""
    try:
        return measure()
    except OSError:
        return 0
