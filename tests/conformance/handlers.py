"""What the functions of cases do: each prints the event that it was given, then what its name says.

Knows what stands in an event's records and in its own variables. Does not know any case.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

BEFORE = os.environ.get("_X_AMZN_TRACE_ID")
"""The trace header while nothing is served."""

TRIES: list[int] = []
"""One for each event that this environment has had."""


def shown(event: Any, context: Any, **more: Any) -> None:
    """Print an event for whoever holds the world."""
    told = {"by": context.function_name, "event": event, "version": context.function_version, **more}
    sys.stdout.write(f"EVENT {json.dumps(told)}\n")
    sys.stdout.flush()


def echo(event: Any, context: Any) -> Any:
    """Return the event."""
    shown(event, context)
    return event


def variable(event: Any, context: Any) -> Any:
    """Show the variable `CUSTOM_VAR`, too."""
    shown(event, context, variable=os.environ.get("CUSTOM_VAR"))
    return event


def does(event: Any, context: Any) -> Any:
    """Do what the variable `DOES` says, a JSON list, one entry an event, the last one from then on: `raise` a
    message, `sleep` seconds, `exit`, `return` a value."""
    shown(event, context)
    script = json.loads(os.environ["DOES"])
    TRIES.append(1)
    step: Mapping[str, Any] = script[min(len(TRIES), len(script)) - 1]
    if "sleep" in step:
        time.sleep(step["sleep"])
    if "exit" in step:
        os._exit(step["exit"])
    if "raise" in step:
        raise Exception(step["raise"])
    return step.get("return", event)


def fails(event: Any, context: Any) -> Any:
    """Fail as often as each message's body says in `fail_attempts`, by how often it was received."""
    shown(event, context)
    if any(_bad(record) for record in event["Records"]):
        raise Exception("failed attempt")
    return event


def breaks(event: Any, context: Any) -> Any:
    """Fail."""
    shown(event, context)
    raise Exception("it breaks")


REPORTS: Mapping[str, Any] = {
    "unknown": {"batchItemFailures": [{"itemIdentifier": 123}]},
    "empty": {"batchItemFailures": [{"itemIdentifier": ""}]},
    "null": {"batchItemFailures": [{"itemIdentifier": None}]},
    "foo": {"batchItemFailures": [{"foo": 123}]},
    "foo-null": {"batchItemFailures": [{"foo": None}]},
    "none": {"batchItemFailures": []},
    "none-null": {"batchItemFailures": None},
    "object": {},
    "list": [],
    "nothing": None,
}


def gives(event: Any, context: Any) -> Any:
    """Return the report that the name of its table says behind a dot."""
    shown(event, context)
    return REPORTS[event["Records"][0]["eventSourceARN"].split("/")[1].partition(".")[2]]


def reports(event: Any, context: Any) -> Any:
    """Report the records that are to fail: messages as `fails` has it, of a table's records those whose item
    says `should_fail`. The variable `GIVES` is returned instead."""
    result = {"batchItemFailures": [{"itemIdentifier": _name(r)} for r in event["Records"] if _bad(r)]}
    result = json.loads(os.environ["GIVES"]) if "GIVES" in os.environ else result
    shown(event, context, result=result)
    return result


def _name(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["messageId"])


def heeds(event: Any, context: Any) -> Any:
    """Do what its event, or what a record of a stream in it says: `raise` a message, `return` a value. Else
    report the records that say `bad`, or return an event that has none beside what is known of it."""
    known = {"ident": context.aws_request_id, "trace": os.environ.get("_X_AMZN_TRACE_ID"), "before": BEFORE}
    shown(event, context, **known)
    records = event.get("Records", ())
    said = [_said(record) for record in records] or [event]
    for each in said:
        if "raise" in each:
            raise Exception(each["raise"])
        if "return" in each:
            return each["return"]
    if not records:
        members = (
            "invoked_function_arn function_version function_name memory_limit_in_mb aws_request_id "
            "log_group_name log_stream_name client_context".split()
        )
        return {"event": event, "context": {member: getattr(context, member) for member in members}}
    bad = [record for record, each in zip(records, said, strict=True) if each.get("bad")]
    return {"batchItemFailures": [{"itemIdentifier": r["kinesis"]["sequenceNumber"]} for r in bad]}


def _said(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        told = json.loads(base64.b64decode(record["kinesis"]["data"]))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def speaks(event: Any, context: Any) -> Any:
    """Print and log a line, then fail."""
    sys.stdout.write("a line that is printed\n")
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().info("a line that is logged")
    raise Exception("it was meant to")


def _bad(record: Mapping[str, Any]) -> bool:
    if "dynamodb" in record:
        return bool(record["dynamodb"]["NewImage"].get("should_fail", {}).get("BOOL"))
    asked = json.loads(record["body"]).get("fail_attempts", 0)
    return int(record["attributes"]["ApproximateReceiveCount"]) <= asked
