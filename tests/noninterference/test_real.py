"""The same question asked of the real sandbox, SDK, proxy and moto: twins that differ in a labelled value.

Knows the stack and what an outsider sees of it. Does not know what its functions do, which is drawn by
`walker` from what they see.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import environ
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.noninterference.functions import plain
from valve_aws.settings import Settings
from valve_aws.valve import Valve

WORKFLOWS = int(environ.get("VALVE_WALKS", "50"))

HIDDEN = ("Vault", "HiddenFiles", "HiddenNotes", "HiddenJobs")
OPEN = ("OpenFiles", "OpenNotes", "OpenJobs")
KINDS = {"Files": "AWS::S3::Bucket", "Jobs": "AWS::SQS::Queue"}


def template() -> dict[str, Any]:
    """Return the stack: three functions of one code, hidden stores and open ones."""
    table = {"Type": "AWS::Serverless::SimpleTable"}
    stores = {
        name: {"Type": KINDS[name[-5:].lstrip("n")]} if name[-5:].lstrip("n") in KINDS else dict(table)
        for name in (*HIDDEN, *OPEN)
    }
    for name in stores:
        if name.endswith("Jobs"):
            stores[name] = {"Type": KINDS["Jobs"], "Properties": {"QueueName": name.lower()}}
    named = {name.upper(): {"Ref": name} for name in stores}
    named["PEERS"] = "walk-a walk-b walk-c"
    functions: dict[str, Any] = {
        f"Walk{name}": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": f"walk-{name.lower()}",
                "Runtime": "python3.11",
                "Handler": "walker.handler",
                "CodeUri": "src",
                "Timeout": 60,
                "Environment": {"Variables": named},
                "Policies": [{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}],
                "Events": {"Api": {"Type": "Api", "Properties": {"Path": f"/{name}", "Method": "post"}}},
            },
        }
        for name in "ABC"
    }
    functions["WalkC"]["Properties"]["Events"]["Jobs"] = {
        "Type": "SQS",
        "Properties": {"Queue": {"Fn::GetAtt": ["OpenJobs", "Arn"]}, "BatchSize": 1},
    }
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": {**functions, **stores}}


def policy() -> dict[str, Any]:
    """Return the policy: everything sealed; an event of the first function may be secret too."""
    stores: dict[str, Any] = {name: {"accepts": ["secret"], "sealed": True} for name in HIDDEN}
    stores |= {name: {"accepts": [], "sealed": True} for name in OPEN}
    return {
        "version": 1,
        "mode": "enforce",
        "labels": {"secret": {}},
        "stores": stores,
        "events": {"WalkA.Api": {"label": ["secret"]}},
        "results": {"accepts": []},
        "logs": {"accepts": []},
    }


def run(folder: Path, secret: str) -> dict[str, Any]:
    """Play all workflows; return what an outsider sees."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "walker.py").write_text(Path(__file__).with_name("walker.py").read_text())
    for name, told in (("template.yaml", template()), ("valve.yaml", policy())):
        (folder / name).write_text(json.dumps(told))
    (folder / "seed.yaml").write_text(json.dumps({"Vault": [{"id": "s", "text": secret}]}))
    settings = Settings(template=folder / "template.yaml", seed=folder / "seed.yaml", log=folder / "log")
    seen: dict[str, Any] = {"results": [], "crossings": 0}

    async def whole() -> None:
        valve = Valve.read(settings, lambda _: None)
        await valve.open()
        try:
            for number in range(WORKFLOWS):
                labelled = number % 5 == 4
                function = "WalkA" if labelled or number % 3 == 0 else "WalkB"
                event = {"n": number, "word": secret if labelled else ""}
                trigger = "WalkA.Api" if labelled else ""
                done = await valve.invoke(function, json.dumps(event).encode(), trigger)
                await valve.drain()
                seen["results"].append((function, done.failed, plain(done.payload.decode())))
            seen["calls"] = [(r.service, r.operation, r.verdict) for r in valve.records]
            url = (await valve.passage.cloud()).url
            await asyncio.to_thread(_look, url, valve.stack, seen)
        finally:
            await valve.close()

    asyncio.run(whole())
    # Why without figures: they are times, and memory that hangs on the machine.
    lines = (folder / "log").read_text().splitlines()
    seen["log"] = [plain(line).split("\t")[0] for line in lines]
    return seen


def _look(url: str, stack: Any, seen: dict[str, Any]) -> None:
    """Look into the open stores as an outsider would."""
    made = {
        name: boto3.client(
            name, region_name="us-east-1", endpoint_url=url, aws_access_key_id="t", aws_secret_access_key="t"
        )
        for name in ("s3", "dynamodb", "sqs")
    }
    bucket, table = stack.resources["OpenFiles"].name, stack.resources["OpenNotes"].name
    listed = made["s3"].list_objects_v2(Bucket=bucket).get("Contents", ())
    seen["files"] = [(o["Key"], o["ETag"]) for o in listed]
    seen["notes"] = sorted(map(str, made["dynamodb"].scan(TableName=table)["Items"]))
    queue = made["sqs"].get_queue_url(QueueName="openjobs")["QueueUrl"]
    told = made["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    seen["jobs"] = {k: v for k, v in told.items() if k.startswith("Approximate")}


@pytest.mark.slow
def test_twins_in_the_real_sandbox_look_the_same_to_an_outsider(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as both:
        one, other = both.map(run, (tmp_path / "0", tmp_path / "1"), ("secret 0", "secret 1"))
    assert one["calls"] != other["calls"], "the secret changed nothing, so nothing is shown"
    for what in ("results", "files", "notes", "jobs", "log"):
        differ = [pair for pair in zip(one[what], other[what], strict=False) if pair[0] != pair[1]]
        assert one[what] == other[what], (what, differ[:2])
    held = sum("Valve.ResultRefused" in payload for _, _, payload in one["results"])
    assert 0 < held < len(one["results"]), "of labelled walks no result is told, of others it is"
    assert one["files"]
    assert one["notes"]
