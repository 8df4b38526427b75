"""The names of Lambda's durable executions, and of what they wait for.

Knows how AWS writes an execution's ARN (Lambda API reference, CheckpointDurableExecution) and how AWS's own
local runner writes what stands for one. Does not know what an execution does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection
from typing import Any

from valve_aws.aws.names import NotCanonical

EXECUTION = re.compile(
    r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,140})"
    r":(?:\$LATEST(?:\.PUBLISHED)?|[0-9]{1,20})/durable-execution/[A-Za-z0-9_-]{1,64}/([A-Za-z0-9_-]{1,64})",
    re.ASCII,
)
LONGEST = 1024
"""Characters of an execution's ARN and of a callback's id (Lambda API reference)."""

ARN, CALLBACK = "DurableExecutionArn", "CallbackId"
"""The members that name an execution, in whatever a runner and a function tell each other."""
FUNCTION = "FunctionName"
"""The member that names whom a step invokes."""


def written(function: str, version: str, name: str, ident: str) -> str:
    """Return the ARN of an execution; `function` is that of the function, `version` "" its latest state."""
    return f"{function}:{version or '$LATEST'}/durable-execution/{name}/{ident}"


def function_of(execution: str) -> str:
    """Return the ARN of the function whose execution this is. Raises `NotCanonical`."""
    return _parts(execution)[0]


def ident_of(execution: str) -> str:
    """Return what an execution is known by within its function. Raises `NotCanonical`."""
    return _parts(execution)[1]


def _parts(execution: str) -> tuple[str, str]:
    found = EXECUTION.fullmatch(execution) if len(execution) <= LONGEST else None
    if found is None:
        raise NotCanonical(f"`{execution[:200]}` cannot be the ARN of a durable execution")
    return found[1], found[2]


def execution_of(callback: str) -> str:
    """Return the ARN of the execution that waits under a callback's id. Raises `NotCanonical`: AWS's own ids
    tell nothing, so whose execution goes on by one cannot be told."""
    execution, _ = _opened(callback)
    _parts(execution)
    return execution


def _opened(callback: str) -> tuple[str, str]:
    try:
        if len(callback) <= LONGEST:
            told = json.loads(base64.b64decode(callback, validate=True))
            if isinstance(told, dict) and told.keys() == {"arn", "op"}:
                return str(told["arn"]), str(told["op"])
    except (binascii.Error, ValueError, RecursionError):
        pass
    raise NotCanonical("which execution waits under this callback's id cannot be told")


def renamed(document: Any, name: Callable[[str], str], members: Collection[str] = (ARN,)) -> Any:
    """Return a JSON document in which what `members` hold has other names, and executions within ids of
    callbacks."""
    if isinstance(document, list):
        return [renamed(each, name, members) for each in document]
    if not isinstance(document, dict):
        return document
    found = {}
    for key, value in document.items():
        if key in members and isinstance(value, str):
            found[key] = name(value)
        elif key == CALLBACK and isinstance(value, str):
            found[key] = _callback(value, name)
        else:
            found[key] = renamed(value, name, members)
    return found


def _callback(callback: str, name: Callable[[str], str]) -> str:
    execution, operation = _opened(callback)
    told = json.dumps({"arn": name(execution), "op": operation}, separators=(",", ":"))
    return base64.b64encode(told.encode()).decode()
