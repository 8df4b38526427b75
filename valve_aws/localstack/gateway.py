"""LocalStack's gateway, looked at as requests pass: who invokes, what changes the set-up, what may not leave.

Knows LocalStack's handler chain. Does not judge: it keeps from the destinations what was judged before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException

from valve_aws.localstack.arrival import Arrival, told_of

KEPT = 10_000

PLAIN = (
    "Get",
    "List",
    "Describe",
    "Head",
    "Batch",
    "Send",
    "Receive",
    "Query",
    "Scan",
    "Invoke",
    "Assume",
    "ChangeMessage",
    "Transact",
    "Select",
    "Lookup",
    "Filter",
    "Poll",
    "Simulate",
    "Start",
    "Stop",
)
"""How names of operations begin that leave alone which resources there are and how they are wired."""

DATA = frozenset(
    {
        "PutObject", "CopyObject", "DeleteObject", "DeleteObjects", "CreateMultipartUpload", "UploadPart",
        "CompleteMultipartUpload", "AbortMultipartUpload", "PutItem", "UpdateItem", "DeleteItem",
        "DeleteMessage", "DeleteMessageBatch", "Publish", "PublishBatch", "PutRecord", "PutRecords",
        "PutEvents", "PutLogEvents", "CreateLogStream", "PutMetricData", "PutSecretValue", "PutTraceSegments",
        "ExecuteStatement", "Decrypt", "Encrypt", "GenerateDataKey",
    }
)  # fmt: skip
"""Others that do; whatever is neither is taken for one that changes something."""

DELIVERING = frozenset(
    {"SendMessage", "SendMessageBatch", "Publish", "PutEvents", "Invoke", "PutRecord", "StartExecution"}
)
"""How LocalStack hands an outcome on to a destination or a dead letter queue."""


class Gateway:
    """What passes LocalStack's gateway, as far as it concerns functions. Any thread."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._invoked: OrderedDict[str, tuple[bool, bool, str]] = OrderedDict()
        self._withheld: OrderedDict[str, None] = OrderedDict()

    def watch(self) -> None:
        """Be told of every request from now on, and of every answer."""
        handlers.serve_custom_service_request_handlers.append(self._asked)
        handlers.run_custom_response_handlers.append(self._answered)

    def arrived(self, came: Arrival) -> Arrival:
        """Return an arrival with what its request said; a retry of an event has the same id."""
        said = self._invoked.get(came.ident)
        if said is None:
            return came
        asynchronous, internal, principal = said
        return replace(came, seen=True, asynchronous=asynchronous, internal=internal, principal=principal)

    def withhold(self, came: Arrival) -> None:
        """Keep an outcome, and the event beside it, from the destination that LocalStack would tell.

        Why not from dead letters as well: such an event is answered as done, which they are not told of.
        """
        if came.asynchronous or not came.seen:
            _remember(self._withheld, came.ident, None)

    def let_go(self, came: Arrival) -> None:
        """Keep an outcome no longer: it may go where it goes."""
        self._withheld.pop(came.ident, None)

    def _asked(self, _: Any, context: Any, __: Any) -> None:
        operation = context.operation.name if context.operation else ""
        if operation == "Invoke" and context.service.service_name == "lambda":
            kind = (context.service_request or {}).get("InvocationType")
            internal = context.is_internal_call
            principal = (context.internal_request_params or {}).get("service_principal") or ""
            said = kind == "Event", bool(internal), str(principal)
            _remember(self._invoked, context.request_id, said)
        if self._withheld and operation in DELIVERING and context.is_internal_call:
            for text in _texts(context.service_request or {}):
                if told_of(text) in self._withheld:
                    raise CommonServiceException("AccessDenied", "refused by the valve", status_code=403)

    def _answered(self, _: Any, context: Any, __: Any) -> None:
        operation = context.operation.name if context.operation else ""
        if operation and not operation.startswith(PLAIN) and operation not in DATA:
            self._changed()


def _remember(kept: OrderedDict[str, Any], key: str, value: Any) -> None:
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)


def _texts(request: Any) -> list[str | bytes]:
    """Return every text in a request, however deep."""
    if isinstance(request, (str, bytes)):
        return [request]
    if hasattr(request, "getvalue"):
        return [request.getvalue()]
    inner = request.values() if isinstance(request, dict) else request if isinstance(request, list) else ()
    return [text for each in inner for text in _texts(each)]
