"""Effect rows of DynamoDB Streams.

Knows that a stream shows what its table held. Does not know whether a table has one.
"""

from __future__ import annotations

import re

from valve_aws.aws import names
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span

ROWS = (
    Row("GetRecords", "old and new images of any item of the table",
        reveals="records", actions="dynamodb:GetRecords@stream"),
    Row("GetShardIterator", "whether the shard is there; an iterator says where in it",
        reveals="figures", actions="dynamodb:GetShardIterator@stream", leaves="shard=ShardId"),
    Row("DescribeStream", "settings, and shards, which come with the number of records",
        reveals="figures", actions="dynamodb:DescribeStream@stream"),
    Row("ListStreams", "which tables have streams",
        reveals="streams", actions="dynamodb:ListStreams@any", leaves="table=TableName"),
)

ITERATOR = re.compile(r"(arn:[^|]+/stream/[^|]+)\|.+", re.DOTALL)


def _stream(asked: Asked) -> list[str]:
    """The stream's ARN, which an iterator of AWS's begins with."""
    given = asked.params.get("StreamArn")
    if given is None:
        m = ITERATOR.fullmatch(asked.params["ShardIterator"])
        if m is None:
            raise names.NotCanonical("the shard iterator does not say its stream")
        given = m.group(1)
    names.table_of(given)
    return [given]


def _both(asked: Asked) -> list[str]:
    return [*_stream(asked), *(names.table_of(arn) for arn in _stream(asked))]


SERVICE = Service(
    rows=ROWS,
    extents={
        "records": whole(_both, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
        "figures": whole(_stream, (Part.CONFIG, Span.ALL), (Part.COUNTS, Span.ALL)),
        "streams": whole(account("dynamodb"), (Part.NAMES, Span.ALL)),
    },
    arns={"any": anything, "stream": _stream},
)
