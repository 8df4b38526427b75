"""Effect rows of Firehose.

Knows what each operation on delivery streams does. Does not know where they deliver: the stack's wiring says.
"""

from __future__ import annotations

from valve_aws.aws import names
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span


def _sets(operation: str, opens: str) -> Row:
    return Row(operation, "changes where records go", reveals="config", changes="set-up", opens=opens,
               actions=f"firehose:{operation}@stream", leaves="stream=DeliveryStreamName")


ROWS = (
    Row("PutRecord", "a new record; its id is random", changes="new", blind="always",
        actions="firehose:PutRecord@stream", leaves="stream=DeliveryStreamName"),
    Row("PutRecordBatch", "as PutRecord, for each", changes="new", blind="always",
        actions="firehose:PutRecordBatch@stream", leaves="stream=DeliveryStreamName"),
    Row("DescribeDeliveryStream", "settings", reveals="config",
        actions="firehose:DescribeDeliveryStream@stream"),
    Row("ListDeliveryStreams", "names of the account's delivery streams", reveals="streams",
        actions="firehose:ListDeliveryStreams@any"),
    _sets("CreateDeliveryStream", "makes a delivery stream"),
    _sets("UpdateDestination", "sends records to another place"),
    _sets("DeleteDeliveryStream", "deletes the delivery stream"),
    _sets("StartDeliveryStreamEncryption", "encrypts with another key"),
    _sets("StopDeliveryStreamEncryption", "stops encrypting"),
)


def _stream(asked: Asked) -> list[str]:
    return [names.stream(asked.params["DeliveryStreamName"], "", asked.place, "firehose", "deliverystream/")]


SERVICE = Service(
    rows=ROWS,
    extents={
        "new": whole(_stream, (Part.CONTENT, Span.NEW)),
        "config": whole(_stream, (Part.CONFIG, Span.ALL)),
        "set-up": whole(_stream, (Part.CONFIG, Span.ONE)),
        "streams": whole(account("firehose"), (Part.NAMES, Span.ALL)),
    },
    arns={"any": anything, "stream": _stream},
)
