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
from typing import Any

from valve_aws import runtime, sandbox
from valve_aws.aws import durable, names
from valve_aws.backend import Endpoint, NotStarted
from valve_aws.backend.durable import REMEDY, Runner
from valve_aws.course import commands as ask
from valve_aws.course.subject import Subject
from valve_aws.model.call import Call, Evidence
from valve_aws.model.invocation import Beside
from valve_aws.model.plan import Listeners
from valve_aws.model.ports import Outcome
from valve_aws.model.safe import plain
from valve_aws.model.source import Invalid
from valve_aws.model.stack import Function
from valve_aws.model.verdict import Holding
from valve_aws.passage.driver import Passage
from valve_aws.passage.releasing import released
from valve_aws.proxy import Dial, Exchange, Server
from valve_aws.running.execution import Execution, Serve, Step, outcome
from valve_aws.running.housing import Run

LARGEST = 16 << 20
"""Bytes of a request of the runner's: the state of an execution goes with each invocation."""

MARK = "x-dex-handler-invoke"
"""The runner's own header: the function is to go on with an execution, no new one begins."""

START = "/start-durable-execution"
LOOK = 0.25
"""Seconds between looks at how an execution stands that nobody has told of."""

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"})
ALONE = frozenset({"SUCCEEDED", "FAILED"})
"""Ends that an execution comes to by itself: nothing of it is under way then."""
KEPT = 10_000
"""Executions, and steps that invoke functions, that are remembered."""

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
        self._steps: OrderedDict[str, Step] = OrderedDict()
        """By the qualifier that the runner is told in place of the function's own, which comes back with all
        that the step has it invoke."""
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

    async def renew(self) -> None:
        """Forget every execution: another run begins. Why the runner stays where all of them have ended: it
        takes a second to start."""
        if any(each.parent is None and not each.over for each in self._known.values()):
            await self.close()
        self._known.clear()
        self._steps.clear()

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
        # Why a name of its own: by the last part of its ARN the SDK finds the operation that has its input.
        ways = {way.tag: way for way in carried.ways}
        execution = Execution(self.fresh(), function, serve, carried.label, ways, beside)
        try:
            await self._begin(execution, payload)
            ended = await self._ended(execution)
        except ask.Lost as lost:
            self._passage.tell(f"`{function.logical}`: no durable execution: {lost}")
            held = execution.holding()
            return Run(runtime.faults.unavailable(), True, held.label, held.ways, None)
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

    async def _begin(self, execution: Execution, payload: bytes) -> None:
        function, court = execution.function, self._passage.court
        durably = function.durable
        assert durably is not None
        told = {
            "AccountId": court.account,
            "FunctionName": function.name,
            "FunctionQualifier": "$LATEST",
            "ExecutionName": self.fresh(),
            "ExecutionTimeoutSeconds": durably.timeout,
            "ExecutionRetentionPeriodDays": durably.retention,
            "InvocationId": execution.name,
            "Input": payload.decode("utf-8", "replace"),
        }
        if execution.beside.tenant:
            told["TenantId"] = execution.beside.tenant
        # Why known by its name first: the runner has the function invoked before it has answered.
        self._known[execution.name] = execution
        body = await self._posted(START, told)
        execution.ident = str(body.get("ExecutionArn") or "")
        self._known[execution.ident] = execution

    async def _ended(self, execution: Execution) -> Mapping[str, Any]:
        """Wait for the end of an execution, and return how the runner tells of it. Raises `Lost`."""
        while True:
            execution.news.clear()
            told = await self._got(execution.ident)
            if told.get("Status") in ENDED:
                execution.over = told.get("Status") in ALONE
                return told
            with suppress(TimeoutError):
                await asyncio.wait_for(execution.news.wait(), LOOK)

    def _bounded(self) -> None:
        for kept in (self._known, self._steps):
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
        params = call.params
        if call.operation == "CheckpointDurableExecution":
            params = self._chained(command, execution)
        status, told = await self._told(call.operation, params, execution)
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

    async def _told(self, operation: str, params: Mapping[str, Any], execution: Execution) -> tuple[int, Any]:
        """Ask the runner, and return its answer as everybody else may read it. Raises `Lost`."""
        renamed = durable.renamed(dict(params), lambda _: execution.ident)
        status, body = await self._passage.fetch(
            "lambda", operation, renamed, LARGEST, await self._endpoint()
        )
        execution.news.set()
        told = json.loads(body or b"{}")
        return status, durable.renamed(told, self._outside, (durable.ARN, durable.FUNCTION))

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

    def _chained(self, command: ask.Forward, execution: Execution) -> Mapping[str, Any]:
        """Return a checkpoint in which whom its steps invoke has a qualifier of ours.

        Why: the runner has them invoked later, and says of none for which execution.
        """
        place = names.Place(self._passage.court.account, self._passage.court.region)
        updates = []
        for update in command.call.params.get("Updates") or ():
            if update.get("Type") == "CHAINED_INVOKE" and update.get("Action") == "START":
                options, ours = update["ChainedInvokeOptions"], self.fresh()
                arn, qualifier = names.function(options[durable.FUNCTION], place)
                beside = Beside(arn=f"{arn}:{qualifier}" if qualifier else arn)
                self._steps[ours] = Step(execution, command.record, options[durable.FUNCTION], beside)
                update = {**update, "ChainedInvokeOptions": {**options, durable.FUNCTION: f"{arn}:{ours}"}}
            updates.append(update)
        self._bounded()
        return {**command.call.params, "Updates": updates}

    def _outside(self, name: str) -> str:
        """Return what everybody else calls an execution, or a function that a step invokes."""
        step, found = self._steps.get(name.rpartition(":")[2]), self._known.get(name)
        return step.told if step else found.arn if found else name

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
        arn, ours = names.function(str(call.params["FunctionName"]), place)
        step = self._steps.get(ours)
        beside = Beside(tenant=str(call.params.get("TenantId") or ""), ident=self.fresh())
        if exchange.head.header(MARK):
            going = await self._resumed(arn, step, body, beside)
        else:
            going = await self._invoked(step, body, beside)
        if going is None:
            await exchange.respond(404, (*JSON, *UNKNOWN), NONE)
            return
        payload, broke = going.payload, going.failed
        if exchange.head.header(MARK) and (going.subject is None or going.error_type in HOPELESS):
            payload, broke = FAILED, False
        failed = (("x-amz-function-error", "Unhandled"),) if broke else ()
        await exchange.respond(200, (*JSON, ("x-amzn-requestid", beside.ident), *failed), payload)

    async def _resumed(self, arn: str, step: Step | None, body: bytes, beside: Beside) -> Run | None:
        """Have an execution gone on with."""
        envelope = json.loads(body)
        ident = str(envelope[durable.ARN])
        execution = self._known.get(ident) or self._first(arn, step, ident)
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

    def _first(self, arn: str, step: Step | None, ident: str) -> Execution | None:
        """Return the execution whose first event this is: one that was just begun, or that of a step."""
        name = ident.rpartition("/")[2]
        if (execution := self._known.get(name)) is not None and execution.function.arn == arn:
            execution.ident = ident
            self._known[ident] = execution
            return execution
        function = self._passage.versions.meant(self._passage.stack, step.beside.arn) if step else None
        if step is None or function is None:
            return None
        parent, serve = step.execution, self._served(function, step.record)
        child = Execution(name, function, serve, parent.label, dict(parent.ways), step.beside, ident)
        child.parent = parent
        self._known[name] = self._known[ident] = child
        return child

    async def _invoked(self, step: Step | None, body: bytes, beside: Beside) -> Run | None:
        """Have a function invoked that a step asks for."""
        function = self._passage.versions.meant(self._passage.stack, step.beside.arn) if step else None
        if step is None or function is None:
            return None
        beside = replace(beside, arn=step.beside.arn)
        run = await self._served(function, step.record)(body, step.execution.holding(), beside)
        step.execution.learn(run.label, run.ways)
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
