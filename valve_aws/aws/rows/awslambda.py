"""Effect rows of Lambda.

Knows what each operation on functions does. Does not know what an invoked function does.
"""

from __future__ import annotations

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Extents, Row, Service, account, anything, whole
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
    arns={"any": anything, "function": _function, "qualified": _qualified, "destinations": _destinations},
    proofs={"event": event},
)
