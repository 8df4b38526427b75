"""Answers CloudFormation for a function whose code stands in the template: the module that AWS lays with it.

Knows the answer of a custom resource. Runs inside, as the function's own code does: whether its request may
leave is decided outside. Standard library only.
Source: AWS CloudFormation user guide, `cfn-response module`, `Custom resource response objects`.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.request import Request, urlopen

SUCCESS = "SUCCESS"
FAILED = "FAILED"
PATIENCE = 60.0
"""Seconds that the answer may take to be delivered."""


def send(
    event: dict[str, Any],
    context: Any,
    responseStatus: str,
    responseData: Any,
    physicalResourceId: str | None = None,
    noEcho: bool = False,
    reason: str | None = None,
) -> None:
    """Put the answer where the event says. What goes wrong on the way is printed, not raised, as on Lambda.

    The parameters are named as AWS names them, as callers may name them. `noEcho` has CloudFormation mask
    what the function returns.
    """
    stream = context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {stream}",
        "PhysicalResourceId": physicalResourceId or stream,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    body = json.dumps(answer)
    say(f"Response body:\n{body}")
    # Why no type: the address is signed for a request that has none.
    asked = Request(event["ResponseURL"], body.encode(), {"Content-Type": ""}, method="PUT")
    try:
        with urlopen(asked, timeout=PATIENCE) as told:
            say(f"Status code: {told.status}")
    except (OSError, ValueError) as error:
        say(f"send(..) failed executing the request: {error}")


def say(line: str) -> None:
    """Write a line into the function's log."""
    sys.stdout.write(f"{line}\n")
