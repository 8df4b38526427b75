"""Effect rows of Step Functions.

Knows that an execution is a cell of its state machine. Does not know what a machine's steps do.
"""

from __future__ import annotations

import re

from valve_aws.aws import names
from valve_aws.aws.rows.row import Asked, Extents, Row, Service, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span


def _sets(operation: str, opens: str, where: str = "machine") -> Row:
    return Row(operation, "changes what runs, and with which rights",
               reveals="config" if where == "machine" else "machines",
               changes="set-up" if where == "machine" else "machine-names", opens=opens,
               actions=f"states:{operation}@{where}", leaves="name=name")


ROWS = (
    Row("StartExecution",
        "hands the input over; for a name that is taken the answer tells whether its input was the same, and "
        "whether it has ended",
        reveals="taken", changes="started", blind="unnamed", actions="states:StartExecution@machine",
        leaves="name=name trace=traceHeader"),
    Row("StartSyncExecution", "hands the input over; the reply is the result", reveals="result",
        changes="started", actions="states:StartSyncExecution@machine", leaves="name=name trace=traceHeader"),
    Row("DescribeExecution", "input and output of one execution", reveals="shown",
        actions="states:DescribeExecution@execution"),
    Row("GetExecutionHistory", "what each step was given and gave", reveals="shown",
        actions="states:GetExecutionHistory@execution"),
    Row("StopExecution", "an execution ends, and nobody waits for its tokens; an error tells that it is not "
        "there, the time whether it had ended", consults="execution", reveals="shown", changes="stopped",
        actions="states:StopExecution@execution", leaves="error=error"),
    Row("ListExecutions", "names of executions, and how they ended", reveals="names",
        actions="states:ListExecutions@machine"),
    Row("DescribeStateMachine", "settings", reveals="config", actions="states:DescribeStateMachine@machine"),
    Row("ListStateMachines", "names of the account's state machines", reveals="machines",
        actions="states:ListStateMachines@any"),
    # A token does not say its machine, so what goes with it is written to all of the account's.
    Row("SendTaskSuccess", "hands a result to whichever execution waits; an error tells that none does",
        reveals="waiting", changes="waited", actions="states:SendTaskSuccess@any"),
    Row("SendTaskFailure", "hands an error to whichever execution waits; an error tells that none does",
        reveals="waiting", changes="waited", actions="states:SendTaskFailure@any"),
    Row("SendTaskHeartbeat", "tells whether an execution waits", reveals="waiting", changes="waited",
        actions="states:SendTaskHeartbeat@any"),
    _sets("CreateStateMachine", "makes a state machine", "any"),
    _sets("UpdateStateMachine", "changes what runs"),
    _sets("DeleteStateMachine", "deletes the state machine"),
)


MACHINE = re.compile(r"(stateMachine|execution|express):([^:/]{1,80})(?::[^:]+)*", re.DOTALL)


def machine(arn: str) -> str:
    """Return a state machine's ARN of its own, a version's, an alias's or an execution's."""
    m = names.split(arn, "states")
    named = MACHINE.fullmatch(m.group(5))
    if named is None:
        raise names.NotCanonical(f"`{arn}` is not the ARN of a state machine or an execution")
    return f"{arn[: m.start(5)]}stateMachine:{named.group(2)}"


def _machine(asked: Asked) -> list[str]:
    if asked.params.get("mapRunArn"):
        raise names.NotCanonical("a map run is a second name of its state machine; name the machine itself")
    return [machine(asked.params.get("stateMachineArn") or asked.params["executionArn"])]


def _ran(asked: Asked) -> list[Extent]:
    arn = asked.params["executionArn"]
    name = arn.split(":", 7)[7]
    return [Extent(machine(arn), part, Span.ONE, name) for part in (Part.CONTENT, Part.NAMES)]


def _stopped(asked: Asked) -> list[Extent]:
    return [*_ran(asked), Extent(names.account(asked.place, "states"), Part.NAMES, Span.ONE)]


def _shown(asked: Asked) -> list[Extent]:
    """Why the cell without a name beside it: what was brought there, by functions that the machine has run,
    is in some execution, and nobody tells in which. And all of the account's:
    so is what came with a token."""
    brought = Extent(machine(asked.params["executionArn"]), Part.CONTENT, Span.ONE, "")
    return [*_ran(asked), brought, *TOKENS(asked)]


def _named(asked: Asked) -> list[Extent]:
    name = asked.params.get("name")
    if not name:
        return []
    return [Extent(_machine(asked)[0], part, Span.ONE, name) for part in (Part.CONTENT, Part.NAMES)]


def _started(asked: Asked) -> list[Extent]:
    return _named(asked) or list(NEW(asked))


def _taken(asked: Asked) -> list[Extent]:
    return [*_named(asked), *TOKENS(asked)] if asked.params.get("name") else []


def _listed(asked: Asked) -> list[Extent]:
    """Why what came with tokens: by that an execution goes on or ends."""
    return [*LISTED(asked), *TOKENS(asked)]


TOKENS = whole(account("states"), (Part.CONTENT, Span.ALL))
LISTED = whole(_machine, (Part.NAMES, Span.ALL), (Part.CONTENT, Span.ALL))
NEW = whole(_machine, (Part.CONTENT, Span.NEW), (Part.NAMES, Span.NEW))

EXTENTS: dict[str, Extents] = {
    "started": _started,
    "taken": _taken,
    "result": whole(_machine, (Part.CONTENT, Span.ONE)),
    "execution": _ran,
    "shown": _shown,
    "stopped": _stopped,
    "names": _listed,
    "config": whole(_machine, (Part.CONFIG, Span.ALL)),
    "set-up": whole(_machine, (Part.CONFIG, Span.ONE)),
    "machines": whole(account("states"), (Part.NAMES, Span.ALL)),
    "machine-names": whole(account("states"), (Part.NAMES, Span.ONE)),
    "waiting": whole(account("states"), (Part.NAMES, Span.ALL)),
    "waited": whole(account("states"), (Part.CONTENT, Span.NEW), (Part.NAMES, Span.ONE)),
}

SERVICE = Service(
    rows=ROWS,
    extents=EXTENTS,
    arns={
        "any": anything,
        "machine": _machine,
        "execution": lambda asked: [asked.params["executionArn"]],
    },
    proofs={"unnamed": lambda asked: not asked.params.get("name")},
)
