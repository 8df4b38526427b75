"""The shims of Node: which line of source a request says, and what the transport of AWS's client reads."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.nodes import node

SHIMS = Path(__file__).parents[2] / "shims" / "node"
NODE = str(node().executable)
CALLS = {
    "request": ("app.cjs", "require('http').request(URL, { method: 'POST' }).end('x')"),
    "get": ("app.cjs", "require('http').get(URL, (r) => r.resume())"),
    "fetch": ("app.cjs", "fetch(URL, { method: 'POST', body: 'x', headers: { a: 'b' } })"),
    "fetch of a request": ("app.cjs", "fetch(new Request(URL, { method: 'POST', body: 'x' }))"),
    "an import": ("app.mjs", "(await import('http')).request(URL, { method: 'POST' }).end('x')"),
    "a name of a module": ("app.mjs", "import { get } from 'http'; get(URL, (r) => r.resume())"),
}


class Seen:
    """A server that answers as it is told, else with the path, and keeps what came."""

    def __init__(self) -> None:
        self.sources: list[list[str]] = []
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.pieces: list[bytes] = []


@pytest.fixture
def seen() -> Iterator[tuple[int, Seen]]:
    kept = Seen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            kept.sources.append(self.headers.get_all("x-valve-source") or [])
            kept.requests.append((self.command, self.path, body, dict(self.headers)))
            self.send_response(200)
            self.send_header("Lambda-Runtime-Deadline-Ms", "7")
            if kept.pieces:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in [*kept.pieces, b""]:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
            else:
                self.send_header("Content-Length", str(len(self.path)))
                self.end_headers()
                self.wfile.write(self.path.encode())

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield listening.server_port, kept
    listening.shutdown()
    thread.join()
    listening.server_close()


def run(folder: Path, name: str, text: str, port: int, task: Path | None = None) -> str:
    """Run a script under the evidence; return what it wrote."""
    (folder / name).write_text(text)
    environ = {"LAMBDA_TASK_ROOT": str(task or folder), "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}
    command = [NODE, "--require", str(SHIMS / "evidence.cjs"), name]
    done = subprocess.run(command, env=environ, cwd=folder, check=True, timeout=60, capture_output=True)
    return done.stdout.decode()


@pytest.mark.parametrize("call", CALLS)
def test_a_request_says_once_which_line_made_it(call: str, tmp_path: Path, seen: tuple[int, Seen]) -> None:
    port, kept = seen
    name, text = CALLS[call]
    run(tmp_path, name, text.replace("URL", repr(f"http://localhost:{port}/")), 1)
    assert kept.sources == [[f"{tmp_path}/{name}:1"]]


def test_a_request_of_no_line_of_the_function_s_says_none(tmp_path: Path, seen: tuple[int, Seen]) -> None:
    port, kept = seen
    text = f"require('http').get('http://localhost:{port}/', (r) => r.resume())"
    run(tmp_path, "app.cjs", text, 1, task=tmp_path / "elsewhere")
    assert kept.sources == [[]]


def test_evidence_is_no_header_that_breaks_another(tmp_path: Path, seen: tuple[int, Seen]) -> None:
    port, kept = seen
    odd = tmp_path / 'a\r\nx: "ä'
    odd.mkdir()
    text = f"require('http').get('http://localhost:{port}/', (r) => r.resume())"
    run(odd, "app.cjs", text, 1)
    assert all(value.isascii() and value.isprintable() for value in kept.sources[0])
    assert "x" not in {name.lower() for name in kept.requests[0][3]}


HANDLERS = {
    "as names": "exports.NodeHttpHandler = class { v = 1 }; exports.NodeHttp2Handler = class { v = 2 };",
    "fixed": """
for (const [name, made] of [["NodeHttpHandler", class { v = 1 }], ["NodeHttp2Handler", class { v = 2 }]])
  Object.defineProperty(exports, name, { enumerable: true, get: () => made });""",
}


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("how", ["require('a-client')", "(await import('a-client')).default"])
@pytest.mark.parametrize("package", HANDLERS)
def test_a_client_of_http_2_is_given_one_of_http_1(
    package: str, how: str, ours: bool, tmp_path: Path
) -> None:
    """The SDK's own way: a client's package asks another one for its handler."""
    handler = "@smithy/node-http-handler"
    client = f"module.exports = new (require('{handler}')).NodeHttp2Handler().v"
    for name, text in ((handler, HANDLERS[package]), ("a-client", client)):
        (tmp_path / "node_modules" / name).mkdir(parents=True)
        (tmp_path / "node_modules" / name / "index.js").write_text(text)
    app = tmp_path / ("app.cjs" if "require" in how else "app.mjs")
    app.write_text(f"console.log({how})")
    shim = ["--require", str(SHIMS / "plain-http.cjs")] if ours else []
    done = subprocess.run([NODE, *shim, app], check=True, timeout=60, capture_output=True)
    assert done.stdout == (b"1\n" if ours else b"2\n")


def test_the_runtime_s_own_requests_say_nothing(tmp_path: Path, seen: tuple[int, Seen]) -> None:
    port, kept = seen
    text = f"require('http').get('http://127.0.0.1:{port}/', (r) => r.resume())"
    run(tmp_path, "app.cjs", text, port)
    assert kept.sources == [[]]


TRANSPORT = """
const client = require(CLIENT);
const far = "x".repeat(2 * 1024 * 1024);
(async () => {
  const first = await client.next();
  client.done("one", "ä");
  client.error("two", "{}", far);
  const second = await client.next();
  const deadline = first.headers["lambda-runtime-deadline-ms"];
  console.log(JSON.stringify([first.bodyJson.length, deadline, second.bodyJson]));
})();
"""


@pytest.mark.parametrize("pieces", [[], [b"x" * 70_000, b"y", "ä".encode()]])
def test_the_transport_has_one_answer_for_each_of_its_requests(
    pieces: list[bytes], tmp_path: Path, seen: tuple[int, Seen]
) -> None:
    port, kept = seen
    kept.pieces = pieces
    body = b"".join(pieces).decode() or "/2018-06-01/runtime/invocation/next"
    said = run(tmp_path, "app.cjs", TRANSPORT.replace("CLIENT", repr(str(SHIMS / "rapid-client.cjs"))), port)
    assert json.loads(said) == [len(body), 7, body]
    base = "/2018-06-01/runtime/invocation"
    assert [(method, path) for method, path, _, _ in kept.requests] == [
        ("GET", f"{base}/next"),
        ("POST", f"{base}/one/response"),
        ("POST", f"{base}/two/error"),
        ("GET", f"{base}/next"),
    ]
    assert kept.requests[1][2] == "ä".encode()
    assert not any("xray" in name.lower() for name in kept.requests[2][3])
