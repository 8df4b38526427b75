"""A process in which aiobotocore is imported only once a guard is on: what becomes of a leak there.

Run with a server's address; prints one JSON object. Knows nothing of what it should be.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import botocore.client
from botocore.exceptions import ClientError

import valve_aws
from tests.hook.conftest import APP

BORN = "__init_subclass__"


def loaded() -> bool:
    return any(name.partition(".")[0] == "aiobotocore" for name in sys.modules)


async def leaking(event: Any, context: Any) -> None:
    from aiobotocore.session import get_session

    async with get_session().create_client("s3", endpoint_url=sys.argv[1]) as s3:
        await s3.get_object(Bucket="uploads-bucket", Key="scan.txt")
        await s3.put_object(Bucket="public-bucket", Key="late", Body=b"x")


def run() -> dict[str, Any]:
    said: dict[str, Any] = {"refused": ""}
    with valve_aws.guard(policy=APP / "valve.yaml", say=lambda _: None) as first:
        said["loaded by a guard"] = loaded()
    with valve_aws.guard(policy=APP / "valve.yaml", mode=sys.argv[2], say=lambda _: None) as valve:
        try:
            asyncio.run(valve.handler("Worker", leaking)({}, None))
        except ClientError as error:
            said["refused"] = error.operation_name
    from aiobotocore.client import AioBaseClient

    said["calls"] = [r.operation for r in valve.records if r.service == "s3"]
    said["of the first"] = len(first.records)
    said["patched"] = BORN in botocore.client.BaseClient.__dict__ or any(
        hasattr(AioBaseClient.__dict__[name], "__wrapped__")
        for name in ("_convert_to_request_dict", "_make_request")
    )
    return said


if __name__ == "__main__":
    print(json.dumps(run()))  # noqa: T201  # its parent reads it
