"""Effect rows of Lambda.

Knows what each operation on functions does. Does not know what an invoked function does.
"""

from __future__ import annotations

from valve_aws.aws import durable, names, onward
from valve_aws.aws.rows.row import Asked, Extents, Row, Service, account, anything, listed, whole
from valve_aws.model.cell import Extent, Part, Span


def _sets(operation: str, opens: str, action: str = "", delivers: str = "") -> Row:
    return Row(operation, "changes what runs, with which rights, or who may run it", reveals="config",
               changes="set-up", delivers=delivers, opens=opens,
               actions=f"lambda:{action or operation}@function",
               leaves="function=FunctionName")


def _shows(operation: str, action: str = "") -> Row:
    return Row(operation, "settings, variables and code of the function", reveals="config",
               actions=f"lambda:{action or operation}@function", leaves="function=FunctionName")


ROWS = (
    Row("Invoke", "hands the payload over; unless the invocation is an event, the reply is the function's "
        "result and the tail of its log", reveals="result", changes="payload", blind="event",
        actions="lambda:InvokeFunction@qualified",
        leaves="function=FunctionName context=ClientContext tenant=TenantId execution=DurableExecutionName"),
    Row("InvokeWithResponseStream", "hands the payload over; the reply is the function's result",
        reveals="result", changes="payload", blind="event", actions="lambda:InvokeFunction@qualified",
        leaves="function=FunctionName context=ClientContext tenant=TenantId"),
    Row("InvokeAsync", "hands the payload over", changes="payload", blind="always",
        actions="lambda:InvokeFunction@qualified", leaves="function=FunctionName"),
    _shows("GetFunction"),
    _shows("GetFunctionConfiguration"),
    _shows("GetFunctionConcurrency"),
    _shows("GetFunctionUrlConfig"),
    _shows("GetPolicy"),
    _shows("GetAlias"),
    _shows("ListVersionsByFunction"),
    _shows("ListAliases"),
    Row("ListFunctions", "names and settings of the account's functions", reveals="functions",
        actions="lambda:ListFunctions@any"),
    Row("ListEventSourceMappings", "what wakes which function", reveals="functions",
        actions="lambda:ListEventSourceMappings@any"),
    Row("CreateFunction", "code of the caller's runs with another role", reveals="functions",
        changes="set-up", delivers="destinations", opens="makes a function",
        actions="lambda:CreateFunction@function", leaves="function=FunctionName"),
    _sets("UpdateFunctionCode", "replaces the function's code"),
    _sets("UpdateFunctionConfiguration", "changes the function's settings", delivers="destinations"),
    _sets("DeleteFunction", "deletes the function"),
    _sets("AddPermission", "lets others run the function"),
    _sets("RemovePermission", "changes who may run the function"),
    _sets("CreateFunctionUrlConfig", "gives the function an address on the internet"),
    _sets("UpdateFunctionUrlConfig", "changes who may call the function's address"),
    _sets("PutFunctionEventInvokeConfig", "sends results to another place", delivers="destinations"),
    _sets("UpdateFunctionEventInvokeConfig", "sends results to another place", delivers="destinations"),
    _sets("PublishVersion", "makes a version of the function"),
    _sets("CreateAlias", "makes another name of the function"),
    _sets("UpdateAlias", "points a name at another version"),
    _sets("PutFunctionConcurrency", "changes how often the function may run"),
    Row("CreateEventSourceMapping", "feeds a function from a store", reveals="config source",
        changes="set-up", delivers="destinations", opens="feeds a function from a store",
        actions="lambda:CreateEventSourceMapping@function", leaves="function=FunctionName"),
    # Why the function: a mapping is named by an id that says nothing, and may be pointed at another function.
    Row("UpdateEventSourceMapping", "feeds a function from a store", reveals="functions",
        changes="mappings pointed", delivers="destinations", opens="changes what wakes a function",
        actions="lambda:UpdateEventSourceMapping@any"),
    Row("DeleteEventSourceMapping", "a function no longer wakes", reveals="functions", changes="mappings",
        opens="changes what wakes a function", actions="lambda:DeleteEventSourceMapping@any"),
    # Why the own state is nowhere among what changes: only who goes on with an execution may say anything of
    # it, and what that is given it is given with its label.
    Row("CheckpointDurableExecution", "keeps what the function says of its steps, and hands payloads to the "
        "functions that they invoke; the reply is what has come of them", reveals="result-of-execution",
        changes="chained",
        actions="lambda:CheckpointDurableExecution@execution lambda:InvokeFunction@chained"),
    Row("GetDurableExecutionState", "what the execution's steps have come to", reveals="result-of-execution",
        actions="lambda:GetDurableExecutionState@execution"),
    Row("GetDurableExecution", "the execution's input and result", reveals="result-of-execution",
        actions="lambda:GetDurableExecution@execution"),
    Row("GetDurableExecutionHistory", "what the execution's steps have come to",
        reveals="result-of-execution", actions="lambda:GetDurableExecutionHistory@execution"),
    Row("StopDurableExecution", "ends the execution with an error of the caller's words; whether it was "
        "under way shows", reveals="result-of-execution", changes="payload-of-execution",
        actions="lambda:StopDurableExecution@execution"),
    Row("SendDurableExecutionCallbackSuccess", "what an execution waits for is here; whether it still does "
        "shows", reveals="result-of-callback", changes="payload-of-callback",
        actions="lambda:SendDurableExecutionCallbackSuccess@callback"),
    Row("SendDurableExecutionCallbackFailure", "what an execution waits for does not come; whether it still "
        "does shows", reveals="result-of-callback", changes="payload-of-callback",
        actions="lambda:SendDurableExecutionCallbackFailure@callback"),
    Row("SendDurableExecutionCallbackHeartbeat", "an execution goes on waiting; whether it still does shows",
        reveals="result-of-callback", changes="payload-of-callback",
        actions="lambda:SendDurableExecutionCallbackHeartbeat@callback"),
    Row("PublishLayerVersion", "code that functions may take in", reveals="functions", changes="mappings",
        opens="publishes a layer", actions="lambda:PublishLayerVersion@any", leaves="layer=LayerName"),
)


def _named(asked: Asked) -> tuple[str, str]:
    return names.function(asked.params["FunctionName"], asked.place, asked.params.get("Qualifier") or "")


def _function(asked: Asked) -> list[str]:
    return [_named(asked)[0]]


def _qualified(asked: Asked) -> list[str]:
    arn, qualifier = _named(asked)
    return [f"{arn}:{qualifier}" if qualifier else arn]


def _execution(asked: Asked) -> list[str]:
    execution = str(asked.params[durable.ARN])
    durable.function_of(execution)
    return [execution]


def _callback(asked: Asked) -> list[str]:
    return [durable.execution_of(str(asked.params[durable.CALLBACK]))]


def _of_execution(asked: Asked) -> list[str]:
    return [durable.function_of(each) for each in _execution(asked)]


def _of_callback(asked: Asked) -> list[str]:
    return [durable.function_of(each) for each in _callback(asked)]


def _chained(asked: Asked, qualified: bool = True) -> list[str]:
    """Functions that a checkpoint has invoked (CheckpointDurableExecution, `ChainedInvokeOptions`)."""
    found = []
    for update in listed(asked.params.get("Updates") or ()):
        if update.get("Type") == "CHAINED_INVOKE" and update.get("Action") == "START":
            named = (update.get("ChainedInvokeOptions") or {})["FunctionName"]
            arn, qualifier = names.function(named, asked.place)
            found.append(f"{arn}:{qualifier}" if qualified and qualifier else arn)
    return found


def _chained_functions(asked: Asked) -> list[str]:
    return _chained(asked, qualified=False)


def event(asked: Asked) -> bool:
    """An asynchronous invocation's answer tells that it was taken."""
    return asked.params.get("InvocationType") == "Event"


def _pointed(asked: Asked) -> list[str]:
    return _function(asked) if asked.params.get("FunctionName") else []


def _source(asked: Asked) -> list[str]:
    text = asked.params.get("EventSourceArn")
    return [onward.target(text, asked.place)] if text else []


def _destinations(asked: Asked) -> list[str]:
    """Where results and failures go: `OnSuccess`, `OnFailure`, the dead letters."""
    told = asked.params.get("DestinationConfig") or {}
    given = [(told.get(member) or {}).get("Destination") for member in ("OnSuccess", "OnFailure")]
    given.append((asked.params.get("DeadLetterConfig") or {}).get("TargetArn"))
    return [onward.target(text, asked.place) for text in given if text]


RESULT = whole(_function, (Part.CONTENT, Span.ONE))


def _result(asked: Asked) -> list[Extent]:
    return [] if event(asked) else list(RESULT(asked))


EXTENTS: dict[str, Extents] = {
    "payload": whole(_function, (Part.CONTENT, Span.NEW)),
    "result": _result,
    "result-of-execution": whole(_of_execution, (Part.CONTENT, Span.ONE)),
    "payload-of-execution": whole(_of_execution, (Part.CONTENT, Span.NEW)),
    "result-of-callback": whole(_of_callback, (Part.CONTENT, Span.ONE)),
    "payload-of-callback": whole(_of_callback, (Part.CONTENT, Span.NEW)),
    "chained": whole(_chained_functions, (Part.CONTENT, Span.NEW)),
    "config": whole(_function, (Part.CONFIG, Span.ALL)),
    "set-up": whole(_function, (Part.CONFIG, Span.ONE)),
    "source": whole(_source, (Part.CONFIG, Span.ALL)),
    "pointed": whole(_pointed, (Part.CONFIG, Span.ONE)),
    "functions": whole(account("lambda"), (Part.NAMES, Span.ALL), (Part.CONFIG, Span.ALL)),
    "mappings": whole(account("lambda"), (Part.NAMES, Span.ONE), (Part.CONFIG, Span.ONE)),
}

SERVICE = Service(
    rows=ROWS,
    extents=EXTENTS,
    arns={
        "any": anything,
        "function": _function,
        "qualified": _qualified,
        "destinations": _destinations,
        "execution": _execution,
        "callback": _callback,
        "chained": _chained,
    },
    proofs={"event": event},
)
