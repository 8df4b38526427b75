"""F09: What a hostile function says acts on nobody's terminal and on no CI runner.

Knows the command line as a user and a CI job see it. Does not know how text is escaped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.workplace import Ran, Workplace
from tests.report.test_output import ACTS, harmless

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, CodeUri: src, Timeout: 20, Policies: [AmazonS3FullAccess]}}
Resources:
  Say: {Type: AWS::Serverless::Function, Properties: {Handler: app.say}}
  Fail: {Type: AWS::Serverless::Function, Properties: {Handler: app.fail}}
  Honest: {Type: AWS::Serverless::Function, Properties: {Handler: app.honest}}
  Files: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}
"""
POLICY = 'version: 1\nmode: enforce\nlabels: {pii: {}}\nlogs: {accepts: [pii]}\n"results": {accepts: [pii]}\n'

APP = f"""\
import http.client
import logging
import sys

ACTS = {[a for a in ACTS if len(a) < 1000]!r}

def say(event, context):
    for said in ACTS:
        print("x", said.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
        sys.stderr.buffer.write(said.encode("utf-8", "surrogatepass") + b"\\n")
        logging.getLogger().warning("%r %s", said, said.encode("utf-8", "replace").decode())
        names(said)
    return ACTS

def names(said):
    '''Name things so, where a refusal will quote it.'''
    told = said.encode("ascii", "replace").decode()
    for host in ("closed.test", "x\\x1b]0;y\\x07.test", "##vso[task.x].test"):
        try:
            plain = http.client.HTTPConnection("198.18.0.1", 80, timeout=5)
            plain._validate_host = plain._validate_path = lambda _: None
            plain._validate_method = lambda _: None
            plain.putrequest("GET", "/" + told, skip_host=True)
            plain.putheader("Host", host.encode())
            plain.putheader("X-Valve-Source", "/var/task/%1b%5d0%3btitle%07.py:1")
            plain.endheaders()
            plain.getresponse().read()
        except Exception:
            pass

def fail(event, context):
    raise type("Error" + ACTS[0], (Exception,), {{}})("".join(a for a in ACTS if a != "\\ud800"))

def honest(event, context):
    print("größer 日本 😀 a::b [INFO]\\tdone")
    return {{"größer": "日本 😀", "n": 1.10}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workplace:
    folder = tmp_path / "shop"
    folder.mkdir()
    made = Workplace(folder)
    made.write("template.yaml", TEMPLATE)
    made.write("valve.yaml", POLICY)
    made.write("src/app.py", APP)
    return made


def shown(shop: Workplace, *words: str) -> tuple[Ran, str]:
    """Run a function; return that, and all that anybody could be shown of it."""
    ran = shop.invoke(*words, "-l", "log.txt")
    kept = [shop.folder / "log.txt", shop.folder / ".valve" / "audit.jsonl"]
    told = shop.valve("explain", "last")
    files = [path.read_text("utf-8") for path in kept]
    return ran, "\n".join([ran.out, ran.err, told.out, told.err, *files])


def test_without_the_guard_it_acts(shop: Workplace) -> None:
    code = "import app; app.names = lambda _: None; print(app.say({}, None))"
    command, folder = [sys.executable, "-c", code], shop.folder / "src"
    ran = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    assert not harmless(ran.stdout.decode(), "\n\t")
    assert b"\x1b]52;c;" in ran.stdout
    assert b"##vso[task.setvariable" in ran.stdout


@pytest.mark.parametrize("mode", ["off", "audit", "enforce"])
def test_whatever_is_said_does_nothing(shop: Workplace, mode: str) -> None:
    ran, told = shown(shop, "Say", "--mode", mode)
    assert harmless(told, "\n\t")
    assert "a title" in ran.err
    assert "task.setvariable" in ran.err
    assert json.loads(ran.out) == [a for a in ACTS if len(a) < 1000]
    assert ran.out.count("\n") == 1
    lines = ran.err.splitlines()
    assert not [line for line in lines if line.startswith(("✗ REFUSED r-1 ", "REPORT RequestId: forged"))]


def test_an_error_does_nothing(shop: Workplace) -> None:
    ran, told = shown(shop, "Fail")
    assert harmless(told, "\n\t")
    assert "a title" in json.loads(ran.out)["errorMessage"]


def test_the_honest_twin_is_shown_as_it_is(shop: Workplace) -> None:
    ran, told = shown(shop, "Honest")
    assert json.loads(ran.out) == {"größer": "日本 😀", "n": 1.1}
    assert "größer 日本 😀 a::b [INFO]\tdone" in ran.err
    assert "größer 日本 😀 a::b [INFO]\tdone" in told
