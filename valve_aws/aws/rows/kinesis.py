"""Effect rows of Kinesis data streams.

Knows what each operation on streams does. Does not know who consumes them.
"""

from __future__ import annotations

import base64
import re

from valve_aws.aws import names
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span


def _sets(operation: str, opens: str) -> Row:
    return Row(operation, "changes what everybody's requests meet", reveals="figures", changes="set-up",
               opens=opens, actions=f"kinesis:{operation}@stream", leaves="stream=StreamName")


# Why writes show figures: sequence numbers grow with what others put.
ROWS = (
    Row("PutRecord", "a new record; the sequence number grows with what others put", reveals="counts",
        changes="new", blind="always", actions="kinesis:PutRecord@stream",
        leaves="stream=StreamName partition=PartitionKey hash=ExplicitHashKey"),
    Row("PutRecords", "as PutRecord, for each", reveals="counts", changes="new", blind="always",
        actions="kinesis:PutRecords@stream",
        leaves="stream=StreamName partition=Records.PartitionKey hash=Records.ExplicitHashKey"),
    Row("GetRecords", "any record of the stream, which the request or an emulator's iterator names",
        reveals="records", actions="kinesis:GetRecords@read"),
    Row("GetShardIterator", "whether there is a record at that place", reveals="figures",
        actions="kinesis:GetShardIterator@stream", leaves="shard=ShardId"),
    Row("SubscribeToShard", "any record of the stream", reveals="records",
        actions="kinesis:SubscribeToShard@consumer"),
    Row("DescribeStream", "settings and shards", reveals="figures", actions="kinesis:DescribeStream@stream"),
    Row("DescribeStreamSummary", "settings", reveals="figures",
        actions="kinesis:DescribeStreamSummary@stream"),
    Row("ListShards", "shards", reveals="figures", actions="kinesis:ListShards@stream"),
    Row("ListStreams", "names of the account's streams", reveals="streams",
        actions="kinesis:ListStreams@any"),
    Row("DescribeStreamConsumer", "a consumer's state", reveals="figures",
        actions="kinesis:DescribeStreamConsumer@consumer"),
    Row("ListStreamConsumers", "who reads the stream", reveals="figures",
        actions="kinesis:ListStreamConsumers@stream"),
    _sets("RegisterStreamConsumer", "adds a reader to the stream"),
    _sets("DeregisterStreamConsumer", "takes a reader from the stream"),
    _sets("CreateStream", "makes a stream"),
    _sets("DeleteStream", "deletes the stream"),
    _sets("PutResourcePolicy", "lets others in by a policy"),
    _sets("StartStreamEncryption", "encrypts with another key"),
    _sets("IncreaseStreamRetentionPeriod", "keeps records longer"),
    _sets("DecreaseStreamRetentionPeriod", "drops records earlier"),
    _sets("UpdateShardCount", "splits or joins shards"),
)

CONSUMER = re.compile(r"(arn:[^/]+:stream/[^/]+)/consumer/.+", re.DOTALL)


def _stream(asked: Asked) -> list[str]:
    params = asked.params
    if params.get("StreamId"):
        raise names.NotCanonical("a stream's id is a second name of it; name the stream itself")
    consumer = params.get("ConsumerARN")
    m = CONSUMER.fullmatch(consumer) if consumer else None
    arn = (m.group(1) if m else None) or params.get("StreamARN") or params.get("ResourceARN")
    return [names.stream(params.get("StreamName") or "", arn or "", asked.place)]


ITERATOR = re.compile(rb"([A-Za-z0-9_.-]{1,128}):shardId-[0-9]+:.*", re.DOTALL)


def _read(asked: Asked) -> list[str]:
    """The stream, and the one that an iterator names where it can be read.

    Why both: whoever serves the request may go by the iterator alone, and emulators' can be made by anybody
    (moto's are base64 of stream, shard and number). AWS's cannot; getting one shows the stream's figures. Why
    the iterator's alone will do: hardly any consumer names the stream beside it.
    """
    given = asked.params.get("ShardIterator")
    try:
        m = ITERATOR.fullmatch(base64.b64decode(given)) if given else None
    except ValueError:
        m = None
    read = [names.stream(m[1].decode(), "", asked.place)] if m else []
    told = _stream(asked) if asked.params.keys() & {"StreamARN", "StreamId"} or not read else []
    return list(names.unique([*told, *read]))


def _consumer(asked: Asked) -> list[str]:
    return [asked.params.get("ConsumerARN") or f"{_stream(asked)[0]}/consumer/{asked.params['ConsumerName']}"]


SERVICE = Service(
    rows=ROWS,
    extents={
        "new": whole(_stream, (Part.CONTENT, Span.NEW), (Part.COUNTS, Span.ONE)),
        "counts": whole(_stream, (Part.COUNTS, Span.ALL)),
        "records": whole(_read, (Part.CONTENT, Span.ALL), (Part.COUNTS, Span.ALL)),
        "figures": whole(_stream, (Part.CONFIG, Span.ALL), (Part.COUNTS, Span.ALL)),
        "set-up": whole(_stream, (Part.CONFIG, Span.ONE)),
        "streams": whole(account("kinesis"), (Part.NAMES, Span.ALL)),
    },
    arns={"any": anything, "stream": _stream, "read": _read, "consumer": _consumer},
)
