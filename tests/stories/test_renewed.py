"""One valve, run after run: a new run finds the seed's content and labels, and nothing of the run before.

Knows the valve from its own calls, on the embedded cloud. Does not know who wants another run; tests do.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from valve_aws.backend import Standing
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.11
      Timeout: 30
      Environment: {Variables: {NOTES: !Ref Notes}}
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Notes}}]
  Notes:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: id, Type: String}}
"""
CODE = """
import os
import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["NOTES"])
SEEN = []


def handler(event, context):
    SEEN.append(event["id"])
    found = TABLE.get_item(Key={"id": event["id"]}).get("Item")
    TABLE.put_item(Item={"id": event["id"], "text": "mine"})
    return {"found": found, "seen": SEEN}
"""
POLICY = """
version: 1
labels: {pii: {}}
stores: {Notes: {holds: [pii]}}
results: {accepts: [pii]}
logs: {accepts: [pii]}
"""


def test_a_new_run_finds_the_seed_and_nothing_of_the_run_before(tmp_path: Path) -> None:
    for name, content in (("template.yaml", TEMPLATE), ("src/app.py", CODE), ("valve.yaml", POLICY)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "seed.yaml").write_text("Notes: [{id: old, text: seeded}]\n")
    kept, heard = Standing(), []
    valve = Valve.read(
        Settings(template=tmp_path / "template.yaml"),
        lambda _: None,
        heard=lambda who, stream, line, free: heard.append((stream, line)),
        moto=kept.start,
    )

    async def runs() -> list[Any]:
        await valve.open()
        try:
            first = [await _asked(valve, ident) for ident in ("new", "new", "old")]
            port, held = (await valve.cloud()).port, len(valve.records)
            await valve.renew()
            assert not valve.records
            await valve._housing.rested()
            second = [await _asked(valve, ident) for ident in ("new", "old")]
            assert (await valve.cloud()).port == port
            return [first, held, second]
        finally:
            await valve.close()
            kept.end()

    first, held, second = asyncio.run(runs())
    assert first[1]["found"] == {"id": "new", "text": "mine"}
    assert second[0]["found"] is None
    assert second[0]["seen"] == ["new"]
    assert second[1]["found"] == {"id": "old", "text": "seeded"}
    assert held
    assert [line for stream, line in heard if stream == "platform" and line.startswith("START")]


async def _asked(valve: Valve, ident: str) -> Any:
    done = await valve.invoke("Work", json.dumps({"id": ident}).encode())
    assert not done.failed, done.payload
    return json.loads(done.payload)
