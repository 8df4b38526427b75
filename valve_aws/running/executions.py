"""Durable executions: AWS's own local runner keeps what their steps have come to, and asks here to have
functions invoked.

Knows which execution an invocation belongs to, and what each has learned: whoever is given its state learns
that too. Does not know a step of any; what a function tells of its steps is judged as every call is.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

from valve_aws import runtime, sandbox
from valve_aws.aws import durable, names
from valve_aws.backend import Endpoint, NotStarted
from valve_aws.backend.durable import REMEDY, Runner
from valve_aws.course import commands as ask
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Evidence
from valve_aws.model.invocation import Beside
from valve_aws.model.label import Label
from valve_aws.model.plan import Listeners
from valve_aws.model.ports import Outcome
from valve_aws.model.safe import plain
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function
from valve_aws.model.verdict import Holding
from valve_aws.passage.driver import Passage
from valve_aws.passage.releasing import released
from valve_aws.proxy import Dial, Exchange, Server
from valve_aws.running.execution import Execution, Serve, outcome
from valve_aws.running.housing import Run

LARGEST = 16 << 20
"""Bytes of a request of the runner's: the state of an execution goes with each invocation."""

MARK = "x-dex-handler-invoke"
"""The runner's own header: the function is to go on with an execution, no new one begins."""

START = "/start-durable-execution"
LOOK = 0.25
"""Seconds between looks at how an execution stands that nobody has told of."""

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"})
KEPT = 10_000
"""Executions, and payloads of invocations that they have asked for, that are remembered."""

HOPELESS = frozenset(
    f"Runtime.{each}"
    for each in "ImportModuleError HandlerNotFound UserCodeSyntaxError MalformedHandlerName".split()
)
"""Errors of a start that ends so every time; others the runner tries again, and waits longer each time."""
FAILED = json.dumps({"Status": "FAILED", "Error": {"ErrorMessage": "it cannot go on"}}).encode()
"""What the runner is answered then; what came of the event is told by its own payload."""

JSON = (("content-type", "application/json"),)
UNKNOWN = (("x-amzn-errortype", "ResourceNotFoundException"),)
NONE = json.dumps({"Type": "User", "message": "There is no such durable execution."}).encode()


class Executions:
    """The durable executions of one run. On one loop."""

    def __init__(self, passage: Passage, served: Callable[[Function, str], Serve]) -> None:
        """`served` gives what has a function serve an event that a step sends it; with it goes the record of
        the call that had the step begin."""
        self._passage, self._served = passage, served
        self.fresh: Callable[[], str] = str
        """Gives a new UUID."""
        self.waits = False
        """Whether time passes by itself: else what an execution waits for passes in no time."""
        self.address = ""
        """Where the runner asks, "" until there is one."""
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._asked: OrderedDict[tuple[str, str], dict[Execution, str]] = OrderedDict()
        """(function's ARN, digest of a payload) → the executions of which a step has invoked it so, each with
        the record of that."""
        self._server: Server | None = None
        self._runner: Runner | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """End the runner, and listen no more."""
        if self._runner is not None:
            await asyncio.to_thread(self._runner.stop)
            self._runner = None
        if self._server is not None:
            await self._server.close()
            self._server = None

    def forget(self) -> None:
        """Forget every execution: another run begins. Why the runner stays: it takes a second to start, and
        what it goes on with nobody here knows any more."""
        self._known.clear()
        self._asked.clear()

    async def _endpoint(self) -> Endpoint:
        """Return where the runner answers, started if need be. Raises `Lost`."""
        async with self._lock:
            if self._runner is None or not self._runner.alive():
                await self.close()
                mine, spare = sandbox.loopback_listeners().tcp
                spare.close()
                url = self.address = f"http://127.0.0.1:{mine.getsockname()[1]}"
                told = Listeners((mine,), (), all_ports=False)
                self._server = await Server.open(told, "durable", None, self.request, self._dial, self._name)
                stack, functions = self._passage.stack, self._passage.stack.functions.values()
                self._key = key = self._passage.ring.issue("durable", "durable")
                try:
                    self._runner = await asyncio.to_thread(
                        lambda: Runner.start(url, key, stack.region, functions, waits=self.waits)
                    )
                except NotStarted as gone:
                    self._passage.failed = True
                    await self.close()
                    raise ask.Lost(Outcome.FAILED, str(gone)) from gone
            return self._runner.endpoint()

    # An event becomes an execution

    async def run(
        self, function: Function, payload: bytes, carried: Holding, beside: Beside, serve: Serve
    ) -> Run:
        """Have an event served as an execution, to its end; return what it came to, before anything of that
        is released. Raises `Invalid` where there is no runner."""
        if not Runner.installed():
            raise Invalid(function.where, f"`{function.logical}` is a durable function", REMEDY)
        try:
            execution = await self._begun(function, payload, carried, beside, serve)
            ended = await self._ended(execution)
        except ask.Lost as lost:
            self._passage.tell(f"`{function.logical}`: no durable execution: {lost}")
            return Run(runtime.faults.unavailable(), True, carried.label, carried.ways, None)
        finally:
            self._bounded()
        last = execution.last
        if last is not None and last.subject is None:  # Why its own: it was refused before it was seen
            return last
        # Why whose where nobody came to an end: what has ended it may be somebody's words.
        who = last.subject if last and last.subject else Subject("", function.logical)
        if last is not None and last.failed:  # Why its own: the runner has but words of its own for that
            return replace(_came(execution, who, last.payload, last.error_type), failed=True)
        return _came(execution, who, *outcome(ended))

    async def _begun(
        self, function: Function, payload: bytes, carried: Holding, beside: Beside, serve: Serve
    ) -> Execution:
        # Why: by the last part of its ARN the SDK finds the operation that has the execution's input.
        name, court = self.fresh(), self._passage.court
        durably = function.durable
        assert durably is not None
        told = {
            "AccountId": court.account,
            "FunctionName": function.name,
            "FunctionQualifier": "$LATEST",
            "ExecutionName": self.fresh(),
            "ExecutionTimeoutSeconds": durably.timeout,
            "ExecutionRetentionPeriodDays": durably.retention,
            "InvocationId": name,
            "Input": payload.decode("utf-8", "replace"),
        }
        if beside.tenant:
            told["TenantId"] = beside.tenant
        # Why known by its name first: the runner has the function invoked before it has answered.
        ways = {way.tag: way for way in carried.ways}
        execution = self._known[name] = Execution(name, function, serve, carried.label, ways, beside)
        body = await self._posted(START, told)
        execution.ident = str(body.get("ExecutionArn") or "")
        self._known[execution.ident] = execution
        return execution

    async def _ended(self, execution: Execution) -> Mapping[str, Any]:
        """Wait for the end of an execution, and return how the runner tells of it. Raises `Lost`."""
        while True:
            execution.news.clear()
            told = await self._got(execution.ident)
            if told.get("Status") in ENDED:
                return told
            with suppress(TimeoutError):
                await asyncio.wait_for(execution.news.wait(), LOOK)

    def _bounded(self) -> None:
        for kept in (self._known, self._asked):
            while len(kept) > KEPT:
                kept.popitem(last=False)

    # What a function says and asks

    async def called(self, subject: Subject, command: ask.Forward) -> ask.Reply:
        """Carry out a call that names an execution, as it was judged, and return the answer. Raises `Lost`.

        Why only who goes on with it says what its steps have come to: nobody else's words are the function's.
        """
        call = command.call
        execution = self._meant(call.params)
        if execution is None or not self._may(subject, call, execution):
            return ask.Reply(404, Outcome.FAILED, body=(404, (*JSON, *UNKNOWN), NONE))
        if not call.operation.startswith("Get"):  # Why not then: who only looks puts nothing there
            execution.learn(command.carries | subject.label, command.ways)
        if call.operation == "CheckpointDurableExecution":
            self._chained(command, execution)
        status, told = await self._told(call.operation, call.params, execution)
        if status == 200:
            self._tell(told, execution)
        done = Outcome.DONE if status < 300 else Outcome.FAILED
        held, content = execution.holding(), json.dumps(told).encode()
        return ask.Reply(status, done, carries=held.label, ways=held.ways, body=(status, JSON, content))

    async def asked(
        self, operation: str, params: Mapping[str, Any]
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """Carry out a call of the operator's; return (status, headers, body) of what may leave (law 11)."""
        execution = self._meant(params)
        if execution is None:
            return 404, UNKNOWN, NONE
        try:
            status, told = await self._told(operation, params, execution)
        except ask.Lost as lost:
            self._passage.tell(f"{operation}: {lost}")
            return 503, (("x-amzn-errortype", "ServiceException"),), b"{}"
        body = json.dumps(told).encode()
        if operation.startswith("Get"):
            ways = dict(execution.ways)
            who = Subject("", execution.function.logical, execution.label, ways)
            _, leaves = await released(self._passage, who, body)
            if leaves is None:
                return 403, (("x-amzn-errortype", "AccessDeniedException"),), b"{}"
            body = leaves
        return status, (), body

    async def _told(
        self, operation: str, params: Mapping[str, Any], execution: Execution
    ) -> tuple[int, Any]:
        """Ask the runner, and return its answer as everybody else may read it. Raises `Lost`."""
        renamed = durable.renamed(dict(params), lambda _: execution.ident)
        status, body = await self._passage.fetch(
            "lambda", operation, renamed, LARGEST, await self._endpoint()
        )
        execution.news.set()
        return status, durable.renamed(json.loads(body or b"{}"), self._outside)

    def _may(self, subject: Subject, call: Call, execution: Execution) -> bool:
        inner = call.operation in {"CheckpointDurableExecution", "GetDurableExecutionState"}
        return not inner or (subject.invocation != "" and subject.invocation == execution.invocation)

    def _meant(self, params: Mapping[str, Any]) -> Execution | None:
        """Return the execution that a call names; None where there is none such."""
        try:
            named = params.get(durable.ARN) or durable.execution_of(str(params[durable.CALLBACK]))
            found = self._known.get(durable.ident_of(str(named)))
        except (KeyError, names.NotCanonical):
            return None
        return found if found is not None and found.arn == named else None

    def _chained(self, command: ask.Forward, execution: Execution) -> None:
        """Remember whom the steps of a checkpoint invoke, and with what."""
        place = names.Place(self._passage.court.account, self._passage.court.region)
        for update in command.call.params.get("Updates") or ():
            if update.get("Type") == "CHAINED_INVOKE" and update.get("Action") == "START":
                arn, _ = names.function(update["ChainedInvokeOptions"]["FunctionName"], place)
                asked = arn, _digest((update.get("Payload") or "{}").encode())
                self._asked.setdefault(asked, {})[execution] = command.record
        self._bounded()

    def _outside(self, ident: str) -> str:
        found = self._known.get(ident)
        return found.arn if found is not None else ident

    def _tell(self, told: Any, execution: Execution) -> None:
        """Tell the operator of what an execution waits for that somebody else is to say."""
        state = told.get("NewExecutionState") or {}
        for each in state.get("Operations") or ():
            waits = each.get("Type") == "CALLBACK" and each.get("Status") == "STARTED"
            if waits and (ident := (each.get("CallbackDetails") or {}).get(durable.CALLBACK)):
                self._passage.tell(f"`{execution.function.logical}` waits for the callback {plain(ident)}")

    # What the runner asks

    async def request(self, exchange: Exchange) -> None:
        """Have a function invoked for the runner."""
        body, passage = await exchange.collect(LARGEST), self._passage
        call = passage.aws.read(exchange.head, body, self._key, Evidence())
        if not isinstance(call, Call) or call.foreign or call.operation != "Invoke":
            await exchange.respond(403, (), b"")
            return
        place = names.Place(passage.court.account, passage.court.region)
        arn, _ = names.function(str(call.params["FunctionName"]), place)
        beside = Beside(tenant=str(call.params.get("TenantId") or ""), ident=self.fresh())
        going = await (self._resumed if exchange.head.header(MARK) else self._invoked)(arn, body, beside)
        if going is None:
            await exchange.respond(404, (*JSON, *UNKNOWN), NONE)
            return
        payload, broke = going.payload, going.failed
        if exchange.head.header(MARK) and (going.subject is None or going.error_type in HOPELESS):
            payload, broke = FAILED, False
        failed = (("x-amz-function-error", "Unhandled"),) if broke else ()
        await exchange.respond(200, (*JSON, ("x-amzn-requestid", beside.ident), *failed), payload)

    async def _resumed(self, arn: str, body: bytes, beside: Beside) -> Run | None:
        """Have an execution gone on with."""
        envelope = json.loads(body)
        ident, state = str(envelope[durable.ARN]), envelope.get("InitialExecutionState") or {}
        execution = self._known.get(ident) or self._first(arn, ident, state)
        if execution is None:
            return None
        told = json.dumps(durable.renamed(envelope, self._outside)).encode()
        beside = replace(beside, tenant=execution.beside.tenant or beside.tenant, arn=execution.beside.arn)
        execution.invocation = beside.ident
        try:
            run = await execution.serve(told, execution.holding(), beside)
        finally:
            execution.invocation = ""
            execution.news.set()
        execution.last = run
        execution.learn(run.label, run.ways)
        return run

    def _first(self, arn: str, ident: str, state: Mapping[str, Any]) -> Execution | None:
        """Return the execution whose first event this is: one that was just begun, or that of a step."""
        name = ident.rpartition("/")[2]
        if (execution := self._known.get(name)) is not None and execution.function.arn == arn:
            execution.ident = ident
            self._known[ident] = execution
            return execution
        begun = state.get("Operations") or [{}]
        told = str((begun[0].get("ExecutionDetails") or {}).get("InputPayload") or "{}")
        parents = self._asked.get((arn, _digest(told.encode())))
        function = self._passage.versions.meant(self._passage.stack, arn)
        if not parents or function is None:
            return None
        serve = self._served(function, list(parents.values())[-1])
        child = Execution(name, function, serve, frozenset(), {}, Beside(), ident)
        for parent in parents:
            child.learn(parent.label, tuple(parent.ways.values()))
        child.parents = list(parents)
        self._known[name] = self._known[ident] = child
        return child

    async def _invoked(self, arn: str, body: bytes, beside: Beside) -> Run | None:
        """Have a function invoked that a step asks for."""
        parents = self._asked.get((arn, _digest(body)))
        function = self._passage.versions.meant(self._passage.stack, arn)
        if not parents or function is None:
            return None
        label: Label = frozenset().union(*(each.label for each in parents))
        ways = {tag: way for each in parents for tag, way in each.ways.items()}
        serve = self._served(function, list(parents.values())[-1])
        run = await serve(body, Holding(label, True, tuple(ways.values())), beside)
        for each in parents:
            each.learn(run.label, run.ways)
        return run

    async def _dial(self, connection: Dial) -> None:
        """Leave alone what is not HTTP."""

    async def _name(self, name: str, kind: str) -> bool:
        return False

    # The runner's own requests

    async def _posted(self, path: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
        status, body = await self._passage.posted(await self._endpoint(), path, json.dumps(told).encode())
        if status not in {200, 201}:
            raise ask.Lost(Outcome.FAILED, f"the runner answered {status}: {body[:200]!r}")
        answer: dict[str, Any] = json.loads(body or b"{}")
        return answer

    async def _got(self, ident: str) -> Mapping[str, Any]:
        params = {durable.ARN: ident}
        status, body = await self._passage.fetch(
            "lambda", "GetDurableExecution", params, LARGEST, await self._endpoint()
        )
        if status != 200:
            raise ask.Lost(Outcome.FAILED, f"the runner answered {status}: {body[:200]!r}")
        answer: dict[str, Any] = json.loads(body)
        return answer


def _came(execution: Execution, who: Subject, payload: bytes, error: str) -> Run:
    """Return what an execution came to, with all that it knew by then."""
    who = replace(who, label=execution.label, ways=dict(execution.ways), outgoing={})
    return Run(payload, bool(error), execution.label, tuple(execution.ways.values()), who, error)


def _digest(payload: bytes) -> str:
    return sha256(payload).hexdigest()
