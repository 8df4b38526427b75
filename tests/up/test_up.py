"""`valve up`: one port for all, and a second one that goes on where the first ended, labels included.

Knows one application with a table, a queue and a bucket. Does not know moto's insides.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from valve_aws.model.source import Invalid
from valve_aws.settings import Settings
from valve_aws.staying import lasting
from valve_aws.staying.lasting import Lasting
from valve_aws.staying.standing import answering, opened
from valve_aws.staying.up import Port
from valve_aws.staying.up import up as command

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
TEMPLATE = f"""
Transform: AWS::Serverless-2016-10-31
Globals: {{Function: {{Runtime: {RUNTIME}, Timeout: 10, CodeUri: src,
  Environment: {{Variables: {{TABLE: !Ref People, NOTES: !Ref Notes, BUCKET: files-up-test,
  QUEUE: !Ref Jobs}}}}}}}}
Resources:
  People: {{Type: AWS::Serverless::SimpleTable, Properties: {{TableName: people}}}}
  Notes: {{Type: AWS::Serverless::SimpleTable, Properties: {{TableName: notes}}}}
  Files: {{Type: AWS::S3::Bucket, Properties: {{BucketName: files-up-test}}}}
  Jobs: {{Type: AWS::SQS::Queue, Properties: {{QueueName: jobs}}}}
  Lookup:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: lookup
      Handler: lookup.handler
      FunctionUrlConfig: {{AuthType: NONE}}
      Policies: [DynamoDBCrudPolicy: {{TableName: !Ref People}}, SQSSendMessagePolicy: {{QueueName: jobs}},
        DynamoDBCrudPolicy: {{TableName: !Ref Notes}}]
      Events: {{Get: {{Type: HttpApi, Properties: {{Path: /lookup, Method: get}}}}}}
  Keep:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: keep
      Handler: keep.handler
      Policies: [S3CrudPolicy: {{BucketName: files-up-test}}]
      Events: {{Jobs: {{Type: SQS, Properties: {{Queue: !GetAtt Jobs.Arn}}}}}}
  Share:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: share
      Handler: share.handler
      Policies: [S3CrudPolicy: {{BucketName: files-up-test}}, DynamoDBCrudPolicy: {{TableName: !Ref Notes}}]
"""
POLICY = """
version: 1
labels: {pii: {}}
stores:
  People: {attributes: {email: [pii]}, accepts: [pii]}
  Notes: {accepts: [pii]}
  Jobs: {accepts: [pii]}
  Files: {accepts: [pii]}
results:
  Lookup: {accepts: [pii]}
"""
SEED = "People: [{id: c1, email: alice@example.org}]\n"
LOOKUP = """
import os, boto3
def handler(event, context):
    if "rawPath" in event: return {"statusCode": 200, "body": "looked"}
    item = boto3.resource("dynamodb").Table(os.environ["TABLE"]).get_item(Key={"id": "c1"})["Item"]
    boto3.resource("dynamodb").Table(os.environ["NOTES"]).put_item(Item={"id": "n", "note": item["email"]})
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=item["email"])
    return "sent"
"""
KEEP = """
import os, boto3
def handler(event, context):
    for record in event["Records"]:
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="kept", Body=record["body"].encode())
"""
SHARE = """
import os, boto3
def handler(event, context):
    notes = boto3.resource("dynamodb").Table(os.environ["NOTES"])
    if "note" in event: return notes.get_item(Key={"id": "n"})["Item"]["note"]
    if "key" in event:
        found = boto3.client("s3").get_object(Bucket=os.environ["BUCKET"], Key=event["key"])
        return found["Body"].read().decode()
    return "one"
"""


def laid(folder: Path) -> Path:
    """Lay the application out."""
    (folder / "src").mkdir()
    files = {"template.yaml": TEMPLATE, "valve.yaml": POLICY, "seed.yaml": SEED}
    files |= {"src/lookup.py": LOOKUP, "src/keep.py": KEEP, "src/share.py": SHARE}
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


class Up:
    """One `valve up`, on a thread of its own."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        self.folder, self.lines = folder, list[str]()
        self._ready, self._stop = threading.Event(), threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(folder, fresh), daemon=True)
        self._thread.start()
        self._ready.wait(100)
        if self._failed:
            raise self._failed

    def _run(self, folder: Path, fresh: bool) -> None:
        try:
            asyncio.run(self._live(folder, fresh))
        except BaseException as error:  # Why all: it is raised where it is waited for
            self._failed = error
        finally:
            self._ready.set()

    async def _live(self, folder: Path, fresh: bool) -> None:
        settings = Settings(template=folder / "template.yaml")
        self.valve = Lasting.begun(settings, self.lines.append, fresh)
        async with opened(self.valve):
            entrance = self.valve.entrance(lambda: str(uuid.uuid4()))
            port = Port(entrance, await self.valve.operating(), "127.0.0.1")
            port.functions = self.valve.lambda_api(address=port.address)
            async with answering(port.request, "127.0.0.1", 0) as self.url:
                port.url = self.url
                self._ready.set()
                await asyncio.to_thread(self._stop.wait)
            await entrance.close()

    def client(self, service: str) -> Any:
        """Return a client of the one port, with the credentials of anybody."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def invoke(self, function: str, **event: Any) -> tuple[str, Any]:
        """Invoke a function; return (function error, result)."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return answer.get("FunctionError", ""), json.loads(answer["Payload"].read())

    def ask(self, target: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        """Ask as any HTTP client does."""
        asking = http.client.HTTPConnection("127.0.0.1", urlsplit(self.url).port or 0, timeout=30)
        asking.request(method, target, headers={n.replace("_", "-"): v for n, v in headers.items()})
        answer = asking.getresponse()
        found = answer.status, answer.read()
        asking.close()
        return found

    def queue(self, name: str) -> str:
        """Return the URL of a queue that is there from now on."""
        return str(self.client("sqs").create_queue(QueueName=name)["QueueUrl"])

    def until(self, key: str) -> None:
        """Wait until an object is there."""
        for _ in range(1200):
            there = self.client("s3").list_objects_v2(Bucket=FILES).get("Contents", ())
            if any(each["Key"] == key for each in there):
                return
            time.sleep(0.05)
        raise AssertionError(self.lines)

    def end(self) -> None:
        """End it, as Ctrl-C does."""
        self._stop.set()
        self._thread.join(30)
        if self._failed:
            raise self._failed


FILES = "files-up-test"

SENT = (
    "Action=SendMessage&Version=2012-11-05&MessageBody=x&QueueUrl=http%3A%2F%2Flocalhost%2F123456789012%2Floose"
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fsqs%2Faws4_request"
    "&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=" + "0" * 64
)
"""A call that changes something, as an image's address."""


@contextmanager
def up(folder: Path, fresh: bool = False) -> Iterator[Up]:
    """Keep the application up for a while."""
    found = Up(folder, fresh)
    try:
        yield found
    finally:
        found.end()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application after a first `valve up`: labelled data went through a queue into a bucket."""
    home = laid(tmp_path_factory.mktemp("up"))
    with up(home) as first:
        assert first.invoke("lookup") == ("", "sent")
        first.until("kept")
        first.client("s3").put_object(Bucket=FILES, Key="mine", Body=b"the operator's")
    return home


@pytest.fixture(scope="module")
def second(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The next `valve up`, on a copy."""
    home = tmp_path_factory.mktemp("second") / "app"
    with up(Path(shutil.copytree(folder, home))) as found:
        found.folder = home
        yield found


def refused(answer: tuple[str, Any]) -> bool:
    """Say whether a result was kept back."""
    error, told = answer
    return error == "Unhandled" and told["errorType"] == "Valve.ResultRefused"


def test_the_next_one_finds_what_was_there_with_its_labels(second: Up) -> None:
    assert second.valve.found
    assert second.valve.beginning == "the cloud goes on where it ended"
    assert second.invoke("share", key="mine") == ("", "the operator's")
    assert refused(second.invoke("share", key="kept"))
    assert refused(second.invoke("share", note=1))


def test_code_that_changes_serves_the_next_event(second: Up) -> None:
    assert second.invoke("share") == ("", "one")
    source = second.folder / "src" / "share.py"
    source.write_text(source.read_text().replace('return "one"', 'return "two"'))
    assert [second.invoke("share") for _ in range(2)] == [("", "two")] * 2


def test_every_service_answers_at_one_port(second: Up) -> None:
    assert second.client("dynamodb").list_tables()["TableNames"] == ["people", "notes"]
    assert second.client("sqs").get_queue_url(QueueName="jobs")["QueueUrl"].endswith("/jobs")
    functions = second.client("lambda").list_functions()["Functions"]
    assert {each["FunctionName"] for each in functions} == {"lookup", "keep", "share"}
    assert second.ask("/lookup", Host="lookup.lambda-url.localhost") == (200, b"looked")
    api = next(r.api.ident for r in second.valve.entrance(str).place.routes if r.api.kind == "HTTP")
    assert second.ask(f"/_aws/execute-api/{api}/lookup") == (200, b"looked")
    assert second.ask("/lookup", Host=f"{api}.execute-api.localhost") == (200, b"looked")
    told = second.valve.entrance(str).told(second.url, bare=False)
    port = urlsplit(second.url).port
    assert f"Lookup at http://serverlesshttpapi.execute-api.localhost:{port}/lookup [GET]" in told
    assert second.ask("/lookup", Host="serverlesshttpapi.execute-api.localhost") == (200, b"looked")


def test_a_url_that_is_made_over_the_api_answers_whom_its_policy_lets_in(second: Up) -> None:
    client = second.client("lambda")
    made = client.create_function_url_config(FunctionName="share", AuthType="NONE")
    there = urlsplit(made["FunctionUrl"])
    assert there.port == urlsplit(second.url).port

    def asked() -> tuple[int, bytes]:
        return second.ask("/any", Host=there.netloc)

    permitted = {"FunctionName": "share", "Principal": "*", "Action": "lambda:InvokeFunctionUrl"}
    for sid, given in {
        "signed": {"FunctionUrlAuthType": "AWS_IAM"},
        "one": {"Principal": "123456789012"},
        "plain": {"Action": "lambda:InvokeFunction"},
    }.items():
        client.add_permission(StatementId=sid, **{**permitted, **given})
    status, body = asked()
    assert status == 403
    assert b"urls-auth.html" in body
    client.add_permission(StatementId="all", FunctionUrlAuthType="NONE", **permitted)
    status, body = asked()
    assert (status, body) in {(200, b"one"), (200, b"two")}
    client.put_function_concurrency(FunctionName="share", ReservedConcurrentExecutions=0)
    status, body = asked()
    assert (status, json.loads(body)["message"]) == (429, "Rate Exceeded.")
    client.delete_function_concurrency(FunctionName="share")
    client.delete_function_url_config(FunctionName="share")
    status, body = asked()
    assert status == 403
    assert b"urls-auth.html" in body
    assert second.ask("/any", Host="nobody.lambda-url.localhost") == (403, b'{"Message":null}')


def test_one_application_is_up_once(second: Up) -> None:
    with pytest.raises(Invalid, match="another `valve up`"):
        Up(second.folder)
    assert second.invoke("share", key="mine") == ("", "the operator's")


def test_somebody_else_s_page_does_not_ask_at_the_port(second: Up) -> None:
    assert second.ask("/", Host="attacker.test")[0] == 421
    pages = ("https://page.s3.amazonaws.com", "http://203.0.113.7", "https://x.lambda-url.us-east-1.on.aws")
    for origin in ("http://attacker.test", "http://localhost.attacker.test", "null", *pages):
        assert second.ask("/2015-03-31/functions/", Host="localhost", Origin=origin)[0] == 403
        assert b"may not ask here" in second.ask("/files-up-test", Host="localhost", Origin=origin)[1]
    assert second.ask("/2015-03-31/functions/", Host="localhost", Origin="http://localhost:5173")[0] == 200


def test_a_page_that_a_function_or_an_object_is_does_not_ask_at_the_port(second: Up) -> None:
    """What this port serves is what functions wrote: a page of theirs has its reader's browser, not his
    rights. A browser names no origin where a page asks its own, nor for an image's sake."""
    port = urlsplit(second.url).port
    host = {"Host": f"localhost:{port}"}
    asked = ("/2015-03-31/functions/", f"/{FILES}/kept")
    for name in ("lookup.lambda-url.localhost", "localhost", "127.0.0.1"):
        for target in asked:
            assert second.ask(target, **host, Origin=f"http://{name}:{port}")[0] == 403
    silent = (
        {"Sec_Fetch_Site": "same-origin", "Referer": f"http://localhost:{port}/_aws/execute-api/a/b"},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site", "Referer": "https://attacker.test/"},
        {"Sec_Fetch_Site": "cross-site", "Referer": f"http://lookup.lambda-url.localhost:{port}/"},
    )
    for headers in silent:
        for target in (*asked, f"/?{SENT}"):
            assert second.ask(target, **host, **headers)[0] == 403
    assert "Messages" not in second.client("sqs").receive_message(QueueUrl=second.queue("loose"))
    here = ({"Sec_Fetch_Site": "none"}, {"Sec_Fetch_Site": "same-site", "Referer": "http://localhost:5173/"})
    for headers in here:
        assert second.ask(asked[0], **host, **headers)[0] == 200
    assert second.ask(f"/?{SENT}", **host)[0] == 200  # which is what a page would have done
    assert "Messages" in second.client("sqs").receive_message(QueueUrl=second.queue("loose"))
    assert second.ask("/lookup", Host="lookup.lambda-url.localhost", Sec_Fetch_Site="cross-site")[0] == 200


def test_code_is_fetched_from_where_it_is_told_to_be_and_nothing_else_is(second: Up) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        written.writestr("made.py", "def handler(event, context): return 1")
    (second.folder / ".valve" / "beside.zip").write_bytes(packed.getvalue())
    told = {"FunctionName": "made", "Role": "arn:aws:iam::123456789012:role/r", "Handler": "made.handler"}
    functions = second.client("lambda")
    functions.create_function(**told, Runtime=RUNTIME, Code={"ZipFile": packed.getvalue()})
    location = functions.get_function(FunctionName="made")["Code"]["Location"]
    assert second.ask(urlsplit(location).path) == (200, packed.getvalue())
    for way in ("../beside.zip", "..%2Fbeside.zip", "../../.valve/beside.zip"):
        status, body = second.ask(f"/_valve/packages/{way}")
        assert status != 200
        assert b"made.py" not in body


def test_a_header_that_comes_twice_reaches_no_service(second: Up) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", urlsplit(second.url).port or 0, timeout=30)
    asking.putrequest("GET", "/2015-03-31/functions/", skip_host=True)
    for header in (("Host", "localhost"), ("X-Amz-Date", "a"), ("X-Amz-Date", "b")):
        asking.putheader(*header)
    asking.endheaders()
    answer = asking.getresponse()
    assert (answer.status, b"more than once" in answer.read()) == (400, True)
    asking.close()


def test_a_port_that_is_taken_is_told_before_what_is_kept_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = laid(tmp_path)
    monkeypatch.chdir(home)
    kept = home / ".valve" / "up" / "labels.db"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"what is known")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Invalid, match=f"cannot listen on 127.0.0.1:{port}"):
            command("127.0.0.1", port, fresh=True, authorize=True, told={"template": home / "template.yaml"})
    assert kept.read_bytes() == b"what is known"


def test_it_says_with_what_it_begins(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {Jobs: {Type: 'AWS::SQS::Queue'}}")
    told = Settings(template=tmp_path / "template.yaml")
    for backend, says in (("moto", "the cloud begins anew"), ("http://127.0.0.1:1", "127.0.0.1:1: it stays")):
        valve = Lasting.begun(replace(told, backend=backend), print, fresh=False)
        valve._held.close()
        assert says in valve.beginning


def test_a_cloud_that_is_no_cloud_is_not_read(folder: Path, tmp_path: Path) -> None:
    """It lies in the user's folder: what it names is not called."""
    home = Path(shutil.copytree(folder, tmp_path / "app"))
    owned = home / "owned"
    (home / ".valve" / "up" / "kept" / "cloud").write_bytes(f"cos\nsystem\n(S'touch {owned}'\ntR.".encode())
    with pytest.raises(Exception, match="has no place in a kept cloud"):
        Up(home)
    assert not owned.exists()


@pytest.mark.parametrize("at", [".valve", ".valve/up", ".valve/up/kept", ".valve/up/new", ".valve/up/lock"])
def test_what_is_kept_stays_in_its_folder(tmp_path: Path, at: str) -> None:
    """The folder may be somebody else's: where a link of his leads nothing is written or removed."""
    home, victim = laid(_made(tmp_path / "app")), tmp_path / "victim"
    for name in ("up/old", "up/new", "old", "new"):
        (_made(victim / name) / "precious").write_text("mine")
    link = home / at
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(victim if at != ".valve/up/lock" else victim / "lock")
    before = sorted(victim.rglob("*"))
    with pytest.raises(Invalid, match="is a link"):
        Up(home).end()
    assert sorted(victim.rglob("*")) == before


def test_what_is_kept_is_nobody_else_s_to_read(folder: Path) -> None:
    assert (folder / ".valve" / "up").stat().st_mode & 0o077 == 0


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def children(of: int) -> set[int]:
    """Return the processes below one, which the kernel tells."""
    found = set[int]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == of:
                found |= {int(stat.parent.name), *children(int(stat.parent.name))}
    return found


@pytest.mark.slow
def test_ctrl_c_ends_it_and_all_that_it_began(tmp_path: Path) -> None:
    home = laid(tmp_path)
    command = [sys.executable, "-m", "valve_aws.cli", "up", "-t", str(home / "template.yaml"), "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if "Ctrl-C ends it" in line:
                break
        url = said[-1].split("up at ")[1].partition(": ")[0]
        function = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        assert function.invoke(FunctionName="share", Payload=b"{}")["Payload"].read() == b'"one"'
        below = children(process.pid)
        assert below
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(30) == 0
    assert "the cloud is kept" in rest
    assert not [pid for pid in below if (Path("/proc") / str(pid)).exists()]


@pytest.mark.slow
def test_one_that_was_killed_leaves_the_cloud_and_the_book_of_the_one_before(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote is lost. A cloud without the book that was kept with it would give away what it holds."""
    home = Path(shutil.copytree(folder, tmp_path / "app"))
    killed = tmp_path / "killed"
    with up(home) as there:
        there.client("s3").put_object(Bucket=FILES, Key="later", Body=b"")
        shutil.copytree(home / ".valve" / "up", killed)
    for enforced in (False, True):
        shutil.rmtree(home / ".valve" / "up")
        shutil.copytree(killed, home / ".valve" / "up")
        with monkeypatch.context() as patch:
            if not enforced:
                patch.setattr("valve_aws.staying.lasting._laid", lambda _, book: lasting._removed(book))
            with up(home) as there:
                assert there.valve.found
                found = there.client("s3").list_objects_v2(Bucket=FILES)["Contents"]
                assert {each["Key"] for each in found} == {"kept", "mine"}
                answer = there.invoke("share", note=1)
        assert refused(answer) is enforced
        assert ("alice" in str(answer)) is not enforced
    with up(home, fresh=True) as anew:
        assert not anew.valve.found
        assert "Contents" not in anew.client("s3").list_objects_v2(Bucket=FILES)
