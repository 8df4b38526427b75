"""Functions of Node with the AWS SDK for JavaScript, unmodified, from npm: what they may send where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from world import World

from tests.nodes import node

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Customers:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Reports: {Type: AWS::S3::Bucket}
  Jobs: {Type: AWS::SQS::Queue}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: RUNTIME
      Timeout: 60
      MemorySize: 512
      Environment: {Variables: {TABLE: !Ref Customers, BUCKET: !Ref Reports, QUEUE: !Ref Jobs}}
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Customers}
        - S3CrudPolicy: {BucketName: !Ref Reports}
        - SQSSendMessagePolicy: {QueueName: !GetAtt Jobs.QueueName}
"""
POLICY = """
version: 1
labels: {pii: {}}
stores:
  Customers: {holds: [pii]}
  Reports: {accepts: [pii]}
  Jobs: {accepts: []}
results: {default: {accepts: [pii]}}
logs: {accepts: [pii]}
"""
SEED = "Customers: [{id: c1, email: alice@example.org}]\n"
SOURCE = """
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import https from "node:https";
import { Readable } from "node:stream";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const s3 = new S3Client({});
const sqs = new SQSClient({});
const { TABLE, BUCKET, QUEUE } = process.env;

const tried = async (work) => {
  try {
    return await work();
  } catch (error) {
    return { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  }
};
const got = (url) =>
  new Promise((resolve, reject) => https.get(url, (got) => resolve(got.statusCode)).on("error", reject));
const CHILD = "require('https').get('https://closed.test/', (r) => console.log(r.resume().statusCode))";

export const handler = async () => {
  const before = await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE, MessageBody: "nothing yet" }));
  const { Item } = await table.send(new GetCommand({ TableName: TABLE, Key: { id: "c1" } }));
  await table.send(new PutCommand({ TableName: TABLE, Item: { ...Item, id: "c2" } }));
  const body = Readable.from([Buffer.from(Item.email)]);
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "a/ä b", Body: body, ContentLength: 17 }));
  const there = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: "a/ä b" }));
  const head = await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: "a/ä b" }));
  return {
    before: before.MD5OfMessageBody === createHash("md5").update("nothing yet").digest("hex"),
    item: Item,
    object: await there.Body.transformToString(),
    length: head.ContentLength,
    queue: await tried(async () => {
      const sent = await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE, MessageBody: Item.email }));
      return typeof sent.MessageId;
    }),
    foreign: await tried(() => s3.send(new PutObjectCommand({ Bucket: "not-ours", Key: "k", Body: "x" }))),
    none: await tried(() => s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: "no/such/key" }))),
    fetched: await tried(async () => (await fetch("https://closed.test/")).status),
    got: await tried(() => got("https://closed.test/")),
    child: execFileSync(process.execPath, ["-e", CHILD]).toString().trim(),
    unchecked: process.env.NODE_TLS_REJECT_UNAUTHORIZED ?? "not set",
  };
};
"""
SENT = "const sent = await sqs.send(new SendMessageCommand({ QueueUrl: QUEUE, MessageBody: Item.email"


@pytest.fixture
def project(laid: Callable[[dict[str, str]], Path]) -> World:
    template = TEMPLATE.replace("RUNTIME", node().name)
    files = {"template.yaml": template, "valve.yaml": POLICY, "seed.yaml": SEED, "src/app.mjs": SOURCE}
    return World(laid(files).parent)


def told(project: World, mode: str) -> tuple[dict[str, Any], str]:
    ran = project.invoke("Worker", "--mode", mode)
    assert ran.out, ran.err
    return json.loads(ran.out), ran.err


@pytest.mark.slow
def test_the_sdk_for_javascript_is_followed_and_refused_as_any_client_is(project: World) -> None:
    result, said = told(project, "enforce")
    refusal = result["queue"]
    assert (refusal["name"], refusal["status"]) == ("AccessDeniedException", 403)
    assert (result["foreign"]["name"], result["foreign"]["status"]) == ("AccessDenied", 403)
    assert "alice" not in json.dumps([refusal, result["foreign"]])
    assert (result["fetched"], result["got"], result["child"]) == (403, 403, "403")
    line = next(n for n, text in enumerate(SOURCE.splitlines(), 1) if SENT in text)
    assert f"src/app.mjs:{line}" in said
    assert passed(result)


@pytest.mark.slow
def test_with_the_guard_off_it_gets_out(project: World) -> None:
    result, _ = told(project, "off")
    assert result["queue"] == "string"
    assert passed(result)


def passed(result: dict[str, Any]) -> bool:
    """Say whether what is allowed was done, and told right."""
    assert result["before"] is True
    assert result["item"] == {"id": "c1", "email": "alice@example.org"}
    assert (result["object"], result["length"]) == ("alice@example.org", 17)
    assert result["none"]["name"] == "NoSuchKey"
    assert result["unchecked"] == "not set"
    return True
