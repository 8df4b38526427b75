"""A record as one line of JSON, and back.

Knows CloudTrail's field names (CloudTrail record contents, version 1.11). Does not know files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from valve_aws.model.call import Evidence
from valve_aws.model.cell import Cell, Part
from valve_aws.model.record import Record
from valve_aws.model.source import Where
from valve_aws.model.verdict import Mode, Reason, Rule, Way

EVENT_VERSION = "1.11"
SOURCES = {
    "dynamodbstreams": "dynamodb",
    "stepfunctions": "states",
    "cloudwatch": "monitoring",
    "cloudwatch-logs": "logs",
    "sesv2": "ses",
}
"""botocore's service name → the first part of CloudTrail's `eventSource`, where they differ."""

_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
"""Why once: `json.dumps` with options makes an encoder for each call."""


def encode(record: Record) -> str:
    """Return the line of a record, without its line end."""
    aws = record.service != "valve"
    service = SOURCES.get(record.service, record.service)
    line: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "eventTime": record.time,
        "eventSource": f"{service}.amazonaws.com" if aws else "valve",
        "eventName": record.operation,
        "awsRegion": record.region,
        "recipientAccountId": record.account,
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": record.environment,
            "accountId": record.account,
        },
        "requestID": record.ident,
        "requestParameters": dict(record.parameters),
        "resources": [{"ARN": resource} for resource in record.resources],
    }
    if record.stopped:
        line["errorCode"] = "AccessDenied"
    line["valve"] = _beside(record)
    # Why: what is left that acts on whoever shows the line; neither stands anywhere but within strings.
    return _dumps(line).replace("##", "#\\u0023").replace("\x7f", "\\u007f")


def _beside(record: Record) -> dict[str, Any]:
    beside: dict[str, Any] = {
        "verdict": record.verdict,
        "mode": str(record.mode),
        "function": record.function,
        "environment": record.environment,
        "invocation": record.invocation,
        "service": record.service,
        "labels": {
            "environment": sorted(record.label),
            "cells": {k: sorted(v) for k, v in record.cells.items()},
        },
        "reasons": [_reason(r) for r in record.reasons],
    }
    extra = {
        "cause": record.cause,
        "writes": sorted(record.writes),
        "changes": list(record.changes),
        "joined": sorted(record.joined),
        "ways": [_way(w) for w in record.ways],
        "outcome": record.outcome,
        "status": record.status,
        "probed": list(record.probed),
        "source": {"file": record.evidence.file, "line": record.evidence.line, "text": record.evidence.text}
        if record.evidence.file
        else None,
    }
    return beside | {k: v for k, v in extra.items() if v}


def _reason(reason: Reason) -> dict[str, Any]:
    row: dict[str, Any] = {"rule": str(reason.rule), "text": reason.text}
    if reason.where.file:
        row |= {"file": reason.where.file, "line": reason.where.line, "column": reason.where.column}
    return row | {
        k: v
        for k, v in {
            "store": reason.store,
            "excess": sorted(reason.excess),
            "fixes": list(reason.fixes),
        }.items()
        if v
    }


def _way(way: Way) -> dict[str, Any]:
    row: dict[str, Any] = {"tag": way.tag}
    if way.cell:
        row["cell"] = {
            "store": way.cell.store,
            "name": way.cell.name,
            "part": str(way.cell.part),
            "attribute": way.cell.attribute,
        }
    if way.where.file:
        row |= {"file": way.where.file, "line": way.where.line, "column": way.where.column}
    return row | ({"record": way.record} if way.record else {})


def decode(line: str) -> Record:
    """Return the record of a line. Raises ValueError for a line that is not whole (the last one, after a
    kill)."""
    try:
        top = json.loads(line)
        return _record(top, top["valve"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a record: {error}") from error


def _record(top: Mapping[str, Any], beside: Mapping[str, Any]) -> Record:
    source = beside.get("source") or {}
    return Record(
        ident=top["requestID"],
        time=top["eventTime"],
        service=beside["service"],
        operation=top["eventName"],
        region=top["awsRegion"],
        account=top["recipientAccountId"],
        verdict=beside["verdict"],
        mode=Mode(beside["mode"]),
        function=beside["function"],
        environment=beside["environment"],
        invocation=beside["invocation"],
        resources=tuple(r["ARN"] for r in top["resources"]),
        parameters=top["requestParameters"],
        label=frozenset(beside["labels"]["environment"]),
        writes=frozenset(beside.get("writes", ())),
        changes=tuple(beside.get("changes", ())),
        cells={k: frozenset(v) for k, v in beside["labels"]["cells"].items()},
        joined=frozenset(beside.get("joined", ())),
        ways=tuple(_read_way(w) for w in beside.get("ways", ())),
        reasons=tuple(_read_reason(r) for r in beside["reasons"]),
        evidence=Evidence(source.get("file", ""), source.get("line", 0), source.get("text", "")),
        cause=beside.get("cause", ""),
        outcome=beside.get("outcome", ""),
        status=beside.get("status", 0),
        probed=tuple(beside.get("probed", ())),
    )


def _read_reason(row: Mapping[str, Any]) -> Reason:
    return Reason(
        Rule(row["rule"]),
        row["text"],
        Where(row.get("file", ""), row.get("line", 0), row.get("column", 0)),
        row.get("store", ""),
        frozenset(row.get("excess", ())),
        tuple(row.get("fixes", ())),
    )


def _read_way(row: Mapping[str, Any]) -> Way:
    told = row.get("cell")
    cell = Cell(told["store"], told["name"], Part(told["part"]), told["attribute"]) if told else None
    return Way(
        row["tag"],
        cell,
        Where(row.get("file", ""), row.get("line", 0), row.get("column", 0)),
        row.get("record", ""),
    )
