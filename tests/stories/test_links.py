"""Honest links: a function hands out uploads and downloads, and whoever gets them uses them outside.

Knows a small application and a real moto. Does not know how a link is signed.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from urllib3.filepost import encode_multipart_formdata
from world import World

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Linker:
    Type: AWS::Serverless::Function
    Properties:
      {CodeUri: src, Handler: app.handler, Runtime: python3.11, Timeout: 30, Policies: [AmazonS3FullAccess]}
  Uploads: {Type: AWS::S3::Bucket, Properties: {BucketName: story-uploads}}
  Reports:
    Type: AWS::S3::Bucket
    Properties: {BucketName: story-reports, VersioningConfiguration: {Status: Enabled}}
"""

POLICY = """
version: 1
stores: {Uploads: {accepts: []}, Reports: {accepts: []}}
functions:
  Linker:
    may-presign:
      Uploads: {operations: [PutObject], keys: "t1/*", expires: 60}
      Reports: {operations: [GetObject]}
"""

CODE = '''
import http.client
import json
import urllib.parse
import boto3
from botocore.config import Config

PART = '--mark\\r\\nContent-Disposition: form-data; name="%s"%s\\r\\n\\r\\n%s\\r\\n'


def handler(event, _):
    found = {}
    for version in ("s3v4", "s3"):
        s3 = boto3.client("s3", config=Config(signature_version=version))
        up = {"Bucket": "story-uploads", "Key": event["folder"] + "/" + version}
        down = {"Bucket": "story-reports", "Key": "r"}
        name = event["folder"] + "/${filename}"
        found[version] = {
            "put": s3.generate_presigned_url("put_object", Params=up, ExpiresIn=3600),
            "get": s3.generate_presigned_url("get_object", Params=down, ExpiresIn=3600),
            "form": s3.generate_presigned_post("story-uploads", name, ExpiresIn=3600),
        }
    return post(found["s3v4"]["form"]) if event.get("use") else {"statusCode": 200, "body": json.dumps(found)}


def post(form):
    body = "".join(PART % (name, "", value) for name, value in form["fields"].items())
    body += PART % ("file", '; filename="inside"', "by a form") + "--mark--\\r\\n"
    line = http.client.HTTPConnection(urllib.parse.urlsplit(form["url"]).hostname, timeout=10)
    line.request("POST", "/", body, {"Content-Type": "multipart/form-data; boundary=mark"})
    return line.getresponse().status
'''


@pytest.fixture
def world(tmp_path: Path, cloud: str) -> World:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(CODE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "valve.yaml").write_text(POLICY)
    (tmp_path / "seed.yaml").write_text("Reports: {r: the first}\n")
    return World(tmp_path, cloud, ["--seed", "seed.yaml", "-e", "-"])


def open_url(url: str, method: str = "GET", body: bytes | None = None, kind: str = "") -> bytes:
    headers = {"Content-Type": kind} if kind else {}
    asked = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return bytes(answer.read())


def client(cloud: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=cloud, **keys)


def stored(cloud: str, key: str) -> bytes:
    return bytes(client(cloud).get_object(Bucket="story-uploads", Key=key)["Body"].read())


def test_an_upload_form_and_links_work_outside_where_the_policy_releases_them(
    world: World, cloud: str
) -> None:
    ran = world.invoke("Linker", stdin='{"folder": "t1"}')
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.result["body"])
    assert "ASIAVALVE" not in ran.out
    for version, links in found.items():
        assert links["put"].startswith(cloud)
        open_url(links["put"], "PUT", b"by a link", "text/plain")
        assert stored(cloud, f"t1/{version}") == b"by a link"
        assert open_url(links["get"]) == b"the first"
        fields = [*links["form"]["fields"].items(), ("file", (version, b"by a form", "text/plain"))]
        open_url(links["form"]["url"], "POST", *encode_multipart_formdata(fields))
        assert stored(cloud, f"t1/{version}") == b"by a form"
    client(cloud).put_object(Bucket="story-reports", Key="r", Body=b"the second")
    assert open_url(found["s3v4"]["get"]) == b"the first"
    told = [r for r in world.records() if r["eventName"] == "Presign"]
    assert len(told) == 6


def test_for_another_folder_nothing_leaves(world: World) -> None:
    ran = world.invoke("Linker", stdin='{"folder": "t2"}')
    assert ran.code == 3
    assert ran.result["errorType"] == "Valve.ResultRefused"
    assert "its line is for the keys `t1/*`" in ran.err


def test_a_form_posted_inside_is_the_put_that_it_is(world: World, cloud: str) -> None:
    ran = world.invoke("Linker", stdin='{"folder": "t2", "use": true}')
    assert (ran.code, ran.result) == (0, 204), ran.err
    assert stored(cloud, "t2/inside") == b"by a form"
    assert [r["eventName"] for r in world.records() if r["eventSource"].startswith("s3")][:1] == ["PutObject"]
