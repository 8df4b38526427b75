"""Effect rows of CloudWatch Logs.

Knows what each operation on log groups does. Does not know the function's own log, which is the result's
neighbour.
"""

from __future__ import annotations

import re

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Extents, Row, Service, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span


def _sets(operation: str, opens: str, delivers: str = "") -> Row:
    return Row(operation, "changes where log lines go, or how long they stay", reveals="config",
               changes="set-up", delivers=delivers, opens=opens, actions=f"logs:{operation}@group",
               leaves="group=logGroupName")


ROWS = (
    Row("PutLogEvents", "new lines; an error tells that the stream is not there", reveals="stream-name",
        changes="lines", blind="always", actions="logs:PutLogEvents@stream",
        leaves="group=logGroupName stream=logStreamName"),
    Row("CreateLogStream", "a new name; an error tells that it is taken", reveals="stream-name",
        changes="stream-name", actions="logs:CreateLogStream@stream",
        leaves="group=logGroupName stream=logStreamName"),
    Row("CreateLogGroup", "a new name; an error tells that it is taken", reveals="groups", changes="own-name",
        opens="keyed", actions="logs:CreateLogGroup@group", leaves="group=logGroupName tag=tags"),
    Row("DescribeLogGroups", "names and sizes of the account's log groups", reveals="groups",
        actions="logs:DescribeLogGroups@any", leaves="prefix=logGroupNamePrefix"),
    Row("DescribeLogStreams", "names and sizes of a group's streams", reveals="streams",
        actions="logs:DescribeLogStreams@group", leaves="group=logGroupName prefix=logStreamNamePrefix"),
    Row("GetLogEvents", "lines", reveals="all-lines", actions="logs:GetLogEvents@stream",
        leaves="group=logGroupName stream=logStreamName"),
    Row("FilterLogEvents", "lines, and by what is missing those that the filter drops", reveals="all-lines",
        actions="logs:FilterLogEvents@group", leaves="group=logGroupName filter=filterPattern"),
    # Why the start of a query counts as reading: its result is fetched by an id that does not say the groups.
    Row("StartQuery", "lines, fetched later by the id in the reply", reveals="queried",
        actions="logs:StartQuery@queried", leaves="query=queryString"),
    Row("GetQueryResults", "lines that the query's start has counted as read", reveals="results",
        actions="logs:GetQueryResults@any"),
    _sets("PutSubscriptionFilter", "sends lines to another place", "target"),
    _sets("DeleteSubscriptionFilter", "stops what others rely on"),
    _sets("PutRetentionPolicy", "drops lines earlier or later"),
    _sets("DeleteRetentionPolicy", "keeps lines longer"),
    _sets("DeleteLogGroup", "deletes the log group"),
    _sets("DeleteLogStream", "deletes lines"),
    _sets("PutMetricFilter", "publishes figures of lines"),
    _sets("AssociateKmsKey", "encrypts with another key"),
    Row("CreateExportTask", "every line goes into a bucket", consults="all-lines", reveals="config",
        changes="exported", opens="writes lines into a bucket", actions="logs:CreateExportTask@group",
        leaves="group=logGroupName task=taskName prefix=destinationPrefix"),
    Row("PutResourcePolicy", "others may write or read", reveals="groups", changes="account-set-up",
        opens="lets others in by a policy", actions="logs:PutResourcePolicy@any"),
    Row("PutDestination", "a place that other accounts send lines to", reveals="groups",
        changes="account-set-up", delivers="target", opens="makes a place that lines are sent to",
        actions="logs:PutDestination@any"),
)


GROUP = re.compile(r"[A-Za-z0-9_./#-]{1,512}", re.ASCII)


def log_group(text: str, place: names.Place) -> str:
    """Return `arn:aws:logs:region:account:log-group:name`, without the `:*` that some ARNs end with."""
    return names.within(
        place,
        "logs",
        text.removesuffix(":*") if text.startswith("arn:") else text,
        GROUP,
        "log-group:",
        "log group",
    )


def _group(asked: Asked) -> list[str]:
    named = [asked.params.get(member) for member in ("logGroupName", "logGroupIdentifier")]
    given = {log_group(text, asked.place) for text in named if text}
    if len(given) != 1:
        raise names.NotCanonical("the log group is not named, or by two names that disagree")
    return list(given)


def _queried(asked: Asked) -> list[str]:
    params = asked.params
    given = [*(params.get("logGroupNames") or ()), *(params.get("logGroupIdentifiers") or ())]
    given += [params["logGroupName"]] if params.get("logGroupName") else []
    if not given or "source" in (params.get("queryString") or "").lower():
        raise names.NotCanonical("the query does not say its log groups outside its text")
    return [log_group(text, asked.place) for text in given]


def _stream(asked: Asked) -> list[str]:
    return [f"{_group(asked)[0]}:log-stream:{asked.params['logStreamName']}"]


def _stream_name(asked: Asked) -> list[Extent]:
    return [Extent(arn, Part.NAMES, Span.ONE, asked.params["logStreamName"]) for arn in _group(asked)]


def _own_name(asked: Asked) -> list[Extent]:
    return [Extent(names.account(asked.place, "logs"), Part.NAMES, Span.ONE, arn.rpartition(":log-group:")[2])
            for arn in _group(asked)]


def _target(asked: Asked) -> list[str]:
    return [onward.target(asked.params.get("destinationArn") or asked.params["targetArn"], asked.place)]


def _bucket(asked: Asked) -> list[str]:
    return [names.bucket(asked.params["destination"], asked.place.partition)]


def keyed(asked: Asked) -> str:
    """A key of another account."""
    return onward.keyed(asked.params.get("kmsKeyId"), asked.place)


EXTENTS: dict[str, Extents] = {
    "lines": whole(_group, (Part.CONTENT, Span.NEW), (Part.COUNTS, Span.ONE)),
    "all-lines": whole(_group, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
    "queried": whole(_queried, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
    "results": whole(account("logs"), (Part.CONTENT, Span.ALL)),
    "stream-name": _stream_name,
    "streams": whole(_group, (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
    "config": whole(_group, (Part.CONFIG, Span.ALL)),
    "set-up": whole(_group, (Part.CONFIG, Span.ONE)),
    "groups": whole(account("logs"), *((part, Span.ALL) for part in (Part.NAMES, Part.COUNTS, Part.CONFIG))),
    "account-set-up": whole(account("logs"), (Part.CONFIG, Span.ONE)),
    "own-name": _own_name,
    "exported": whole(_bucket, (Part.CONTENT, Span.NEW), (Part.NAMES, Span.NEW)),
}

SERVICE = Service(
    rows=ROWS,
    extents=EXTENTS,
    arns={"any": anything, "group": _group, "stream": _stream, "queried": _queried, "target": _target},
    openers={"keyed": keyed},
)
