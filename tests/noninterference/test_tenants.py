"""Two tenants of one function: what one of them sees is the same whatever the other has and does.

Knows the stack, the requests and what is compared. Does not know what is asked for, which is the function's,
`desk`. The valve, the sandbox, the SDK and moto are the real ones.
"""

from __future__ import annotations

import ast
import asyncio
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import environ
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.noninterference.functions import plain
from valve_aws.settings import Settings
from valve_aws.valve import Valve

REQUESTS = int(environ.get("VALVE_REQUESTS", "500"))
"""Of both tenants together; a longer run sets the variable."""

SOURCE = Path(__file__).with_name("desk.py")

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Desk:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: desk.handler
      CodeUri: src
      Timeout: 60
      Policies: [AmazonS3FullAccess, AmazonDynamoDBFullAccess]
      Environment: {Variables: {FILES: !Ref Files, NOTES: !Ref Notes}}
      Events: {Api: {Type: Api, Properties: {Path: /desk, Method: post}}}
  Files: {Type: AWS::S3::Bucket}
  Notes:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}, {AttributeName: sk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
"""

POLICY = """
version: 1
labels: {tenant: {}}
stores:
  Files: {objects: {"{tenant}/*": &own {holds: ["tenant/{tenant}"], accepts: ["tenant/{tenant}"]}}}
  Notes: {items: [{key: {pk: "{tenant}"}, holds: ["tenant/{tenant}"], accepts: ["tenant/{tenant}"]}]}
events: {Desk.Api: {label: ["tenant/{requestContext.authorizer.claims.sub}"]}}
results: {Desk.Api: {accepts: ["tenant/{requestContext.authorizer.claims.sub}"]}}
""".replace("&own ", "")


def kinds(name: str) -> list[str]:
    """Return the kinds of requests that `desk` knows, without importing it: it is the function's own code."""
    for node in ast.parse(SOURCE.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            assert isinstance(node.value, ast.Dict)
            return [str(getattr(key, "value", "")) for key in node.value.keys]
    raise AssertionError(name)


def seed(who: str, twin: int) -> dict[str, Any]:
    """Return what a tenant has: the second's is another in each twin."""
    dice = Random(f"{who} {twin if who == 'bo' else ''}")
    files = {f"{who}/x": str(dice.random())} | (
        {f"{who}/{dice.random()}": "more"} if dice.random() < 0.5 else {}
    )
    return {"files": files, "notes": [{"pk": who, "sk": "n", "text": str(dice.random())}]}


def requests(who: str, twin: int) -> list[dict[str, Any]]:
    """Return what a tenant asks for, honest and hostile; the second asks for other things in each twin."""
    dice = Random(f"requests of {who} {twin if who == 'bo' else ''}")
    other = {"ann": "bo", "bo": "ann"}[who]
    honest, hostile = kinds("HONEST"), kinds("HOSTILE")
    return [
        {
            "requestContext": {"authorizer": {"claims": {"sub": who}}},
            "number": number,
            "kind": dice.choice(honest if dice.random() < 0.7 else hostile),
            "other": other,
            "word": f"{dice.random()}",
        }
        for number in range(REQUESTS // 2)
    ]


async def served(valve: Valve, who: str, twin: int) -> list[tuple[str, bool, str]]:
    """Have a tenant's requests served one after the other; return (kind, failed, all that came back)."""
    found = []
    for request in requests(who, twin):
        done = await valve.invoke("Desk", json.dumps(request).encode(), "Desk.Api")
        found.append((request["kind"], done.failed, plain(done.payload.decode())))
    return found


def run(folder: Path, twin: int) -> dict[str, list[tuple[str, bool, str]]]:
    """Open a valve, let both tenants at it at once, and return what each of them got."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "desk.py").write_text(SOURCE.read_text())
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "valve.yaml").write_text(POLICY)
    has = [seed(who, twin) for who in ("ann", "bo")]
    files = {name: text for each in has for name, text in each["files"].items()}
    notes = [note for each in has for note in each["notes"]]
    (folder / "seed.yaml").write_text(json.dumps({"Files": files, "Notes": notes}))
    settings = Settings(template=folder / "template.yaml", seed=folder / "seed.yaml")

    async def whole() -> dict[str, list[tuple[str, bool, str]]]:
        valve = Valve.read(settings, lambda _: None)
        await valve.open()
        try:
            ann, bo = await asyncio.gather(served(valve, "ann", twin), served(valve, "bo", twin))
        finally:
            await valve.close()
        return {"ann": ann, "bo": bo}

    return asyncio.run(whole())


@pytest.mark.slow
def test_what_a_tenant_sees_is_the_same_whatever_the_other_has_and_every_honest_request_succeeds(
    tmp_path: Path,
) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as both:
        one, other = both.map(run, (tmp_path / "0", tmp_path / "1"), (0, 1))
    assert one["bo"] != other["bo"], "the twins are no twins: the second tenant has the same in both"
    differ = [(n, a, b) for n, (a, b) in enumerate(zip(one["ann"], other["ann"], strict=True)) if a != b]
    assert not differ, differ[:3]
    honest = set(kinds("HONEST"))
    asked = [each for ran in (one, other) for who in ran.values() for each in who]
    assert not [each for each in asked if each[0] in honest and (each[1] or '"failed"' in each[2])][:3]
    assert {each[0] for each in asked} == honest | set(kinds("HOSTILE"))
    assert sum(each[1] for each in asked) > len(asked) // 10, "hardly anything hostile was held back"
