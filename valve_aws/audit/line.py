"""A record as one line of JSON, and back.

Knows CloudTrail's field names (CloudTrail record contents, version 1.11). Does not know files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from valve_aws.model.call import Evidence
from valve_aws.model.cell import Cell, Part
from valve_aws.model.label import Label
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

_text = json.encoder.encode_basestring_ascii
"""A string as JSON has it. Invariant: nothing but this, `_values` and numbers puts what a record says into a
line, so nothing in it ends a string or the line."""

_values = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
"""Why once: `json.dumps` with options makes an encoder for each call."""


def encode(record: Record) -> str:
    """Return the line of a record, without its line end.

    Why written out and not a document for `json`: it is the same forty names each time, and the function
    waits for it. Budget: a guarded call adds less than 1 ms.
    """
    service = SOURCES.get(record.service, record.service)
    source = _text(f"{service}.amazonaws.com") if record.service != "valve" else '"valve"'
    who, standing = _bearings(
        record.region, record.account, record.mode, record.function, record.environment, record.invocation
    )
    named = ",".join([f"{_text(k)}:{_values(v)}" for k, v in record.parameters.items()])
    places = ",".join([f'{{"ARN":{_text(resource)}}}' for resource in record.resources])
    stopped = '"errorCode":"AccessDenied",' if record.stopped else ""
    cells = ",".join([f"{_text(k)}:{_tags(v)}" for k, v in record.cells.items()])
    line = (
        f'{{"eventVersion":"{EVENT_VERSION}","eventTime":{_text(record.time)},"eventSource":{source},'
        f'"eventName":{_text(record.operation)},{who},"requestID":{_text(record.ident)},'
        f'"requestParameters":{{{named}}},"resources":[{places}],{stopped}'
        f'"valve":{{"verdict":{_text(record.verdict)},{standing},"service":{_text(record.service)},'
        f'"labels":{{"environment":{_tags(record.label)},"cells":{{{cells}}}}},'
        f'"reasons":[{",".join(map(_reason, record.reasons))}]{_more(record)}}}}}'
    )
    # Why: what is left that acts on whoever shows the line; neither stands anywhere but within strings.
    if "#" in line or "\x7f" in line:
        line = line.replace("##", "#\\u0023").replace("\x7f", "\\u007f")
    return line


@lru_cache(maxsize=64)
def _bearings(
    region: str, account: str, mode: Mode, function: str, environment: str, invocation: str
) -> tuple[str, str]:
    """Return the two parts of a line that are the same for whatever an environment does in one invocation."""
    return (
        f'"awsRegion":{_text(region)},"recipientAccountId":{_text(account)},"userIdentity":{{'
        f'"type":"AssumedRole","principalId":{_text(environment)},"accountId":{_text(account)}}}',
        f'"mode":{_text(mode)},"function":{_text(function)},"environment":{_text(environment)},'
        f'"invocation":{_text(invocation)}',
    )


def _more(record: Record) -> str:
    """Return the members that a line has only where there is something to say, each after its comma."""
    more = ""
    if record.cause:
        more += f',"cause":{_text(record.cause)}'
    if record.writes:
        more += f',"writes":{_tags(record.writes)}'
    if record.changes:
        more += f',"changes":{_texts(record.changes)}'
    if record.joined:
        more += f',"joined":{_tags(record.joined)}'
    if record.ways:
        more += f',"ways":[{",".join(map(_way, record.ways))}]'
    if record.outcome:
        more += f',"outcome":{_text(record.outcome)}'
    if record.status:
        more += f',"status":{record.status}'
    if record.probed:
        more += f',"probed":{_texts(record.probed)}'
    if record.evidence.file:
        at = record.evidence
        more += f',"source":{{"file":{_text(at.file)},"line":{at.line},"text":{_text(at.text)}}}'
    return more


def _texts(texts: Iterable[str]) -> str:
    return f"[{','.join(map(_text, texts))}]"


def _tags(label: Label) -> str:
    return _texts(sorted(label)) if label else "[]"


def _place(where: Where) -> str:
    if not where.file:
        return ""
    return f',"file":{_text(where.file)},"line":{where.line},"column":{where.column}'


def _reason(reason: Reason) -> str:
    row = f'{{"rule":{_text(reason.rule)},"text":{_text(reason.text)}{_place(reason.where)}'
    if reason.store:
        row += f',"store":{_text(reason.store)}'
    if reason.excess:
        row += f',"excess":{_tags(reason.excess)}'
    if reason.fixes:
        row += f',"fixes":{_texts(reason.fixes)}'
    return row + "}"


def _way(way: Way) -> str:
    row, cell = f'{{"tag":{_text(way.tag)}', way.cell
    if cell is not None:
        row += (
            f',"cell":{{"store":{_text(cell.store)},"name":{_text(cell.name)},'
            f'"part":{_text(cell.part)},"attribute":{_text(cell.attribute)}}}'
        )
    row += _place(way.where)
    return row + (f',"record":{_text(way.record)}}}' if way.record else "}")


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
