"""Results that come in pieces: each leaves when it is written, and none once the function knows too much.

Knows functions that bring a Runtime API client of their own, as awslambdaric does not stream. Does not know
the course.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
from pathlib import Path
from typing import Any

from tests.attacks.walled import machine
from tests.nodes import node
from valve_aws.running.streaming import Finished
from valve_aws.settings import Settings
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Writer:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.handler, Runtime: python%s, Timeout: 20}
"""
POLICY = """
version: 1
labels: {secret: {}}
stores: {"http://secret.test/*": {holds: [secret], accepts: []}, "http://gate.test/*": {accepts: []}}
"""
RUNTIME = """
import http.client, json, os, socket, urllib.request
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
class Answer:
    def __init__(self, ident, kind):
        self.socket = socket.create_connection((host, int(port)))
        self.socket.sendall((
            f"POST /2018-06-01/runtime/invocation/{ident}/response HTTP/1.1\\r\\nHost: {host}\\r\\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\\r\\nTransfer-Encoding: chunked\\r\\n"
            f"Content-Type: {kind}\\r\\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n"
        ).encode())
    def write(self, piece):
        self.socket.sendall(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
    def end(self, **trailers):
        lines = "".join(f"Lambda-Runtime-Function-Error-{n}: {v}\\r\\n" for n, v in trailers.items())
        self.socket.sendall(f"0\\r\\n{lines}\\r\\n".encode())
        return self.socket.recv(4096).split(b"\\r\\n")[0]
asking = http.client.HTTPConnection(host, int(port))
while True:
    asking.request("GET", "/2018-06-01/runtime/invocation/next")
    given = asking.getresponse()
    event = json.loads(given.read())
    kind = "text/event-stream"
    exec(event.get("before", ""))
    answer = Answer(given.headers["Lambda-Runtime-Aws-Request-Id"], kind)
    exec(event["do"])
"""

VISIT = "urllib.request.urlopen('http://%s.test/')"


def streamed(
    folder: Path, do: str, mode: str = "enforce", before: str = "", **at: int
) -> tuple[list[bytes], Finished, str]:
    """Have a function do something with `answer`; return the pieces, the end and the Content-Type. `before`
    is done before it answers, `at` is where hosts are found."""
    return asyncio.run(_streamed(_laid(folder, mode, at), do, before))


def _laid(folder: Path, mode: str, at: dict[str, int]) -> Valve:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "app.py").write_text(RUNTIME)
    (folder / "template.yaml").write_text(TEMPLATE % f"{sys.version_info[0]}.{sys.version_info[1]}")
    (folder / "valve.yaml").write_text(POLICY)
    found = {(f"{name}.test", 80): ("127.0.0.1", port) for name, port in at.items()}
    return Valve.read(Settings(template=folder / "template.yaml", mode=mode, resolve=found), lambda _: None)


async def _streamed(valve: Valve, do: str, before: str) -> tuple[list[bytes], Finished, str]:
    await valve.open()
    try:
        stream = await valve.stream("Writer", json.dumps({"do": do, "before": before}).encode())
        pieces = [piece async for piece in stream]
        await valve.drain()
        assert stream.finished
        return pieces, stream.finished, stream.kind
    finally:
        await valve.close()


def told(finished: Finished) -> Any:
    return json.loads(finished.payload)


def test_a_piece_is_there_before_the_next_is_written(tmp_path: Path) -> None:
    read = threading.Event()
    with machine(lambda: read.wait(20)) as (port, asked):
        do = f"answer.write(b'one'); {VISIT % 'gate'}; answer.write(b'two'); answer.end()"

        async def life() -> tuple[bytes | None, list[str], list[bytes | None], Finished | None]:
            valve = _laid(tmp_path, "enforce", {"gate": port})
            await valve.open()
            try:
                stream = await valve.stream("Writer", json.dumps({"do": do}).encode())
                first, by_then = await stream.next(), list(asked)
                read.set()
                rest = [await stream.next(), await stream.next()]
                return first, by_then, rest, stream.finished
            finally:
                await valve.close()

        first, _, rest, finished = asyncio.run(life())
    assert (first, rest) == (b"one", [b"two", None])
    assert finished == Finished(b"", False, finished.invocation if finished else "")
    assert asked == ["/ "]


def test_what_is_written_after_a_secret_was_read_is_cut(tmp_path: Path) -> None:
    do = f"answer.write(b'before'); {VISIT % 'secret'}; answer.write(b'after'); answer.end()"
    with machine() as (port, _):
        pieces, finished, kind = streamed(tmp_path, do, secret=port)
        leaked, whole, _ = streamed(tmp_path, do, "audit", secret=port)
    assert (leaked, whole.failed) == ([b"before", b"after"], False)
    assert (pieces, kind) == ([b"before"], "text/event-stream")
    assert (finished.failed, finished.error_type) == (True, "Valve.ResultRefused")
    assert "secret" not in finished.payload.decode()


def test_a_mere_end_is_refused_once_a_secret_was_read(tmp_path: Path) -> None:
    do = f"answer.write(b'before'); {VISIT % 'secret'}; answer.end()"
    with machine() as (port, _):
        pieces, finished, _ = streamed(tmp_path, do, secret=port)
    assert (pieces, finished.error_type) == ([b"before"], "Valve.ResultRefused")


def test_a_content_type_leaves_no_sooner_than_what_it_is_of(tmp_path: Path) -> None:
    before = f"{VISIT % 'secret'}; kind = 'text/s3cr3t'"
    for do in ("answer.write(b'piece'); answer.end()", "answer.end()"):
        with machine() as (port, _):
            pieces, finished, kind = streamed(tmp_path, do, before=before, secret=port)
            assert streamed(tmp_path, do, "audit", before, secret=port)[2] == "text/s3cr3t"
        assert (pieces, kind, finished.error_type) == ([], "", "Valve.ResultRefused")


def test_a_credential_in_a_content_type_cuts_it(tmp_path: Path) -> None:
    before = "kind = 'text/' + os.environ['AWS_SESSION_TOKEN']"
    pieces, finished, kind = streamed(tmp_path, "answer.write(b'piece'); answer.end()", before=before)
    assert (pieces, kind, finished.error_type) == ([], "", "Valve.ResultRefused")


def test_a_credential_in_a_piece_cuts_it(tmp_path: Path) -> None:
    do = "answer.write(('mine: ' + os.environ['AWS_SECRET_ACCESS_KEY']).encode()); answer.end()"
    pieces, finished, _ = streamed(tmp_path, do)
    leaked, _, _ = streamed(tmp_path, do, "audit")
    assert leaked
    assert (pieces, finished.error_type) == ([], "Valve.ResultRefused")


def test_an_error_after_the_first_pieces_comes_behind_them(tmp_path: Path) -> None:
    error = {"errorType": "Shop.Closed", "errorMessage": "come again"}
    body = base64.b64encode(json.dumps(error).encode()).decode()
    do = f"answer.write(b'one'); answer.end(Type='Shop.Closed', Body={body!r})"
    pieces, finished, _ = streamed(tmp_path, do)
    assert (pieces, told(finished)) == ([b"one"], error)
    assert (finished.failed, finished.error_type) == (True, "Shop.Closed")


def test_a_runtime_that_ends_amid_its_answer_is_told_as_one_that_ended(tmp_path: Path) -> None:
    pieces, finished, _ = streamed(tmp_path, "answer.write(b'one'); os._exit(3)")
    assert (pieces, finished.error_type) == ([b"one"], "Runtime.ExitError")
    assert told(finished)["errorMessage"].endswith("Runtime exited with error: exit status 3")


def test_an_answer_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    do = "answer.write(b'one'); answer.socket.shutdown(1); answer.socket.recv(9)"
    pieces, finished, _ = streamed(tmp_path, do)
    assert (pieces, finished.error_type) == ([b"one"], "Runtime.TruncatedResponse")


def test_who_waits_for_the_whole_gets_it_whole(tmp_path: Path) -> None:
    async def life() -> list[Finished]:
        valve = _laid(tmp_path, "enforce", {})
        await valve.open()
        try:
            does = ("answer.end()", "answer.end(Type='Shop.Closed', Body='e30=')")
            events = [json.dumps({"do": f"answer.write(b'[1,'); answer.write(b'2]'); {do}"}) for do in does]
            return [await valve.invoke("Writer", event.encode()) for event in events]
        finally:
            await valve.close()

    whole, failed = asyncio.run(life())
    assert (whole.payload, whole.failed) == (b"[1,2]", False)
    assert (failed.payload, failed.failed) == (b"{}", True)


NODE = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/plain");
  stream.write("one");
  stream.write("two");
  if (event.fail) throw new Error("broken");
  stream.end();
});
"""


def test_awss_own_client_of_node_streams_and_fails_amid_its_stream(tmp_path: Path) -> None:
    valve_of = _laid(tmp_path, "audit", {})
    version = node().name
    (tmp_path / "src" / "app.js").write_text(NODE)
    template = (TEMPLATE % "").replace("Runtime: python", f"Runtime: {version}")
    (tmp_path / "template.yaml").write_text(template)

    async def life() -> list[tuple[bytes, str, Finished]]:
        valve = Valve.read(valve_of.settings, lambda _: None)
        await valve.open()
        came = []
        try:
            for event in (b"{}", b'{"fail": 1}'):
                stream = await valve.stream("Writer", event)
                pieces = [piece async for piece in stream]
                assert stream.finished
                came.append((b"".join(pieces), stream.kind, stream.finished))
        finally:
            await valve.close()
        return came

    (whole, kind, ended), (part, _, failed) = asyncio.run(life())
    assert (whole, part, kind) == (b"onetwo", b"onetwo", "text/plain")
    assert (ended.failed, failed.failed) == (False, True)
    assert told(failed)["errorMessage"] == "broken"
