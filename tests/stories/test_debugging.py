"""Debuggers: a port of this machine's loopback leads into the environment, and nothing of that leads out by
itself.

Knows functions in real sandboxes, debugpy and Node's inspector as they are. Stands in for an editor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.stories.world import free_port
from valve_aws.api.reading import Request
from valve_aws.audit import read_records
from valve_aws.environments.dap import Gate
from valve_aws.model.source import Invalid
from valve_aws.running import debugging
from valve_aws.settings import Settings
from valve_aws.valve import Valve

VERSION = f"3.{sys.version_info[1]}"
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src, Handler: app.handler, Runtime: {runtime}, Timeout: 2}}
"""
LISTENS = """
import socket

def handler(event, context):
    there = socket.create_server(("127.0.0.1", event["port"]))
    caller, _ = there.accept()
    said = caller.recv(100)
    caller.sendall(bytes.fromhex(event["answer"]))
    caller.recv(1)
    return {"said": said.decode("latin-1"), "left": context.get_remaining_time_in_millis()}
"""


def laid(folder: Path, code: str, runtime: str, name: str = "app.py", **files: str) -> Path:
    (folder / "src").mkdir()
    (folder / "src" / name).write_text(code)
    for other, content in files.items():
        (folder / "src" / other.replace("_", ".")).write_text(content)
    (folder / "template.yaml").write_text(TEMPLATE.format(runtime=runtime))
    return folder / "template.yaml"


@asynccontextmanager
async def opened(template: Path, told: list[str], **settings: Any) -> AsyncIterator[Valve]:
    valve = Valve.read(Settings(template=template, **settings), told.append)
    await valve.open()
    try:
        yield valve
    finally:
        await valve.close()


async def debugged(
    template: Path, event: Any, port: int, debugger: Callable[[int], Awaitable[Any]], **more: Any
) -> tuple[Any, Any, list[str]]:
    """Invoke while somebody debugs: the result, what the debugger saw, and what the operator was told."""
    told: list[str] = []
    async with opened(template, told, debug_ports=(port,), **more) as valve:
        async with asyncio.timeout(60):
            invoked = asyncio.ensure_future(valve.invoke("Hello", json.dumps(event).encode()))
            saw = await debugger(port)
            return json.loads((await invoked).payload), saw, told


async def asked(port: int, first: bytes, end: bytes = b"<end>") -> bytes:
    """Say something at a port; return all that comes until the other side goes or is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    answer = b""
    try:
        async with asyncio.timeout(20):
            while end not in answer and (piece := await reader.read(1000)):
                answer += piece
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return answer


def test_a_debugger_is_led_to_what_listens_inside_and_has_all_the_time_it_needs(tmp_path: Path) -> None:
    """With `--debug-args`, so that debugpy does not listen in the function's place."""
    template, port = laid(tmp_path, LISTENS, f"python{VERSION}"), free_port()
    event = {"port": port, "answer": b"hello <end>".hex()}

    async def debugger(port: int) -> bytes:
        return await asked(port, b"hi there\n")

    result, saw, told = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert (result["said"], saw) == ("hi there\n", b"hello <end>")
    assert result["left"] > 3_600_000
    (line,) = [each for each in told if "debugger" in each]
    assert f"Hello waits for a debugger at 127.0.0.1:{port}; its time-out is off" in line
    records = list(read_records(tmp_path / ".valve" / "audit.jsonl"))
    (attached,) = [each for each in records if each.operation == "AttachDebugger"]
    assert (attached.function, attached.verdict) == ("Hello", "allow")


def test_who_looks_inside_is_written_down_before_he_sees_anything(tmp_path: Path) -> None:
    template, port = laid(tmp_path, LISTENS, f"python{VERSION}"), free_port()

    async def debugger(port: int) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hi there\n")
        await reader.readuntil(b"<end>")
        records = list(read_records(tmp_path / ".valve" / "audit.jsonl"))
        writer.close()
        return [each.operation for each in records]

    event = {"port": port, "answer": b"<end>".hex()}
    _, saw, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert "AttachDebugger" in saw


def frame(**fields: Any) -> bytes:
    body = json.dumps(fields).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def test_what_plays_a_debug_adapter_inside_has_an_editor_do_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, port = laid(tmp_path, LISTENS, f"python{VERSION}"), free_port()
    unfit = frame(type="request", command="runInTerminal", arguments={"args": ["sh"]})
    fine = frame(type="event", event="output", body={"output": "<end>"})
    event = {"port": port, "answer": (unfit + fine).hex()}

    async def debugger(port: int) -> bytes:
        return await asked(port, frame(type="request", command="initialize", seq=1))

    _, saw, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert saw == fine
    monkeypatch.setattr(Gate, "feed", lambda _, piece: piece)
    _, saw, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert saw == unfit + fine


def test_a_page_in_a_browser_gives_no_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template, port = laid(tmp_path, LISTENS, f"python{VERSION}"), free_port()
    event = {"port": port, "answer": b"<end>".hex()}

    async def debugger(port: int) -> bytes:
        return await asked(port, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")

    result, saw, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert (result["said"], saw) == ("", b"")
    monkeypatch.setattr(debugging, "PAGES", (b"no page",))
    result, _, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert result["said"].startswith("POST / ")


def asks(*lines: str, host: str = "127.0.0.1:9229") -> bytes:
    return "\r\n".join(["GET /x HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


def test_a_page_in_a_browser_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is inside would answer it, and say by CORS that it may read that."""
    template, port = laid(tmp_path, LISTENS, f"python{VERSION}"), free_port()
    event = {"port": port, "answer": b"secret <end>".hex()}

    async def debugger(port: int) -> bytes:
        return await asked(port, asks("Origin: https://somewhere.test"))

    result, saw, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert (result["said"], saw) == ("", b"")
    monkeypatch.setattr(debugging, "_of_a_page", lambda _: False)
    _, saw, _ = asyncio.run(debugged(template, event, port, debugger, debug_args=("-Xfaulthandler",)))
    assert saw == b"secret <end>"


@pytest.mark.parametrize(
    ("head", "page"),
    [
        (asks(), False),
        (asks(host="localhost:9229"), False),
        (asks(host="[::1]:9229"), False),
        (asks("Upgrade: websocket", "Origin: devtools://devtools"), False),
        (asks("Upgrade: websocket", "Origin: http://somewhere.test"), True),
        (asks("origin: null"), True),
        (asks("Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: script"), True),
        (asks("Referer: https://somewhere.test/"), True),
        (asks(host="somewhere.test:9229"), True),
        (asks(host="127.0.0.1.somewhere.test"), True),
        (asks(host="intranet:9229"), True),
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: x\r\n" * 9000, True),
    ],
)
def test_a_request_for_a_page_is_known_by_what_browsers_say(head: bytes, page: bool) -> None:
    assert debugging._of_a_page(head) == page


def test_a_protocol_is_known_by_its_first_line_or_its_first_bytes() -> None:
    assert not debugging._begun(b"Content-Length:")
    assert debugging._begun(b"Content-Length: 9")
    assert debugging._begun(b"hi\n")


def test_a_head_that_does_not_end_is_waited_for_no_longer_than_any() -> None:
    assert not debugging._begun(b"GET " + b"x" * 100)
    assert debugging._begun(b"GET " + b"x" * debugging.HEAD)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_of_what_a_page_can_send_nothing_gets_in(method: str) -> None:
    async def sent(first: bytes) -> list[bytes]:
        reader, got = asyncio.StreamReader(), list[bytes]()
        reader.feed_data(first)
        reader.feed_eof()
        inside = asyncio.StreamReader()
        inside.feed_eof()
        end = SimpleNamespace(abort=lambda: None)
        into: Any = SimpleNamespace(write=got.append, drain=lambda: asyncio.sleep(0), transport=end)
        await debugging._joined(reader, into, inside, into)
        return got

    assert asyncio.run(sent(f"{method} / HTTP/1.1\r\n\r\n".encode())) == []
    assert asyncio.run(sent(frame(type="request", command="initialize")))


class Inside:
    """An environment and its jail, as far as they are asked: whether it lives, and for a line into it."""

    def __init__(self, alive: bool = True) -> None:
        self.alive, self.lines = alive, 0

    def line(self) -> socket.socket:
        self.lines += 1
        raise ConnectionError


@asynccontextmanager
async def listening(**more: Any) -> AsyncIterator[tuple[debugging.Debugging, int]]:
    """Debug ports of a run in which nothing has begun yet."""
    port = free_port()
    passage: Any = None
    found = debugging.Debugging(Settings(debug_ports=(port,), **more), passage, lambda _: None)
    await found.open()
    try:
        yield found, port
    finally:
        await found.close()


def test_without_walls_the_function_listens_itself() -> None:
    async def run() -> None:
        async with listening(unsafe=True) as (_, port):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(run())


def test_who_calls_when_too_many_wait_is_cut() -> None:
    async def run() -> None:
        async with listening() as (found, port):
            waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(debugging.MOST)]
            while len(found._under_way) < debugging.MOST:
                await asyncio.sleep(0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            assert len(found._under_way) == debugging.MOST
            for _, each in (*waiting, (reader, writer)):
                each.close()

    asyncio.run(run())


@pytest.mark.parametrize("gone", [True, False])
def test_only_who_is_still_there_is_led_in_and_only_to_what_lives(gone: bool) -> None:
    async def run() -> tuple[int, int]:
        async with listening(unsafe=True) as (found, port):
            dead, living = Inside(alive=False), Inside()
            reader = asyncio.StreamReader()
            caller: Any = SimpleNamespace(transport=SimpleNamespace(abort=lambda: None))
            there: Any = dead
            found._there = there, there
            led = asyncio.ensure_future(found._lead(port, reader, caller))
            await asyncio.sleep(0)
            if gone:
                reader.feed_eof()
            there = living
            found._there = there, there
            found._news.set()
            await asyncio.wait_for(led, 10)
            return dead.lines, living.lines

    assert asyncio.run(run()) == (0, 0 if gone else 1)


def test_what_is_debugged_is_alone(tmp_path: Path) -> None:
    """The port leads into one environment, so a second one, or one made ahead, would wait for nobody."""
    template = laid(tmp_path, COUNTS, f"python{VERSION}")

    async def run(**more: Any) -> tuple[int, int]:
        async with opened(template, [], debug_args=("-Xfaulthandler",), **more) as valve:
            function, housing = valve.stack.functions["Hello"], valve._housing
            await housing.prepare(function)
            return housing._at_once(function), housing._spares_of(housing._prepared[function.key])._most

    port = free_port()
    assert asyncio.run(run(debug_ports=(port,))) == (1, 0)
    assert asyncio.run(run(debug_ports=(port,), debug_function="Other")) == (10, 2)


CALLS_OUT = """
import socket

def handler(event, context):
    try:
        with socket.create_connection(("127.0.0.1", event["port"]), 5) as there:
            there.sendall(b"secret\\n")
            return {"heard": there.recv(100).decode("latin-1")}
    except OSError as error:
        return {"heard": ""}
"""


def test_no_way_leads_from_inside_to_the_port_outside(tmp_path: Path) -> None:
    """Whatever listens at this machine's port hears nothing, also while a debugger is attached to it."""
    template, port = laid(tmp_path, CALLS_OUT, f"python{VERSION}"), free_port()

    async def run() -> tuple[bytes, bytes]:
        heard = [b"", b""]
        told: list[str] = []
        async with opened(template, told, debug_ports=(port,), debug_args=("-Xfaulthandler",)) as valve:
            waiting = socket.create_connection(("127.0.0.1", port))
            waiting.settimeout(1)
            done = await valve.invoke("Hello", json.dumps({"port": port}).encode())
            heard[0] = json.loads(done.payload)["heard"].encode()
            try:
                heard[1] = await asyncio.to_thread(waiting.recv, 100)
            except (TimeoutError, ConnectionError):
                pass
            waiting.close()
        return heard[0], heard[1]

    inside, outside = asyncio.run(run())
    assert outside == b""
    assert b"secret" not in inside


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    template = laid(tmp_path, CALLS_OUT, f"python{VERSION}")

    async def run(port: int) -> None:
        async with opened(template, [], debug_ports=(port,)):
            raise AssertionError

    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(Invalid, match=r"--debug-port: cannot listen on 127\.0\.0\.1:"):
            asyncio.run(run(taken.getsockname()[1]))


COUNTS = """
def handler(event, context):
    seen = event["n"]
    twice = seen * 2
    return {"twice": twice}
"""


class Editor:
    """A client of the Debug Adapter Protocol."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 50)
        self._file = self._socket.makefile("rb")
        self._count = 0

    def ask(self, command: str, **arguments: Any) -> Any:
        number = self.send(command, **arguments)
        return self._until(lambda message: message.get("request_seq") == number)["body"]

    def send(self, command: str, **arguments: Any) -> int:
        self._count += 1
        told = {"seq": self._count, "type": "request", "command": command, "arguments": arguments}
        self._socket.sendall(frame(**told))
        return self._count

    def await_event(self, name: str) -> Any:
        return self._until(lambda message: message.get("event") == name)["body"]

    def _until(self, fits: Callable[[Any], bool]) -> Any:
        while True:
            length = int(self._file.readline().rpartition(b":")[2])
            self._file.readline()
            message = json.loads(self._file.read(length))
            if fits(message):
                return {"body": None, **message}


@pytest.mark.slow
def test_debugpy_stops_at_a_line_shows_a_value_and_changes_it(tmp_path: Path) -> None:
    """debugpy as the function's own requirements bring it; the valve's own environment need not have it."""
    template = laid(tmp_path, COUNTS, f"python{VERSION}", requirements_txt="debugpy==1.8.22\n")
    port = free_port()

    def edit(port: int) -> Any:
        editor = Editor(port)
        editor.ask("initialize", adapterID="test")
        editor.send("attach", justMyCode=False)
        editor.await_event("initialized")
        editor.ask("setBreakpoints", source={"path": "/var/task/app.py"}, breakpoints=[{"line": 5}])
        editor.send("configurationDone")
        thread = editor.await_event("stopped")["threadId"]
        frame = editor.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
        value = editor.ask("evaluate", expression="twice", frameId=frame)["result"]
        editor.ask("setExpression", expression="twice", value="99", frameId=frame)
        editor.send("continue", threadId=thread)
        return value, editor

    async def debugger(port: int) -> Any:
        return await asyncio.to_thread(edit, port)

    result, (value, _), _ = asyncio.run(debugged(template, {"n": 21}, port, debugger))
    assert (value, result) == ("42", {"twice": 99})


def test_nodes_inspector_answers_at_the_port_and_lets_it_run(tmp_path: Path) -> None:
    code = "exports.handler = async (event) => ({twice: event.n * 2})\n"
    template, port = laid(tmp_path, code, "nodejs20.x", "app.js"), free_port()

    async def debugger(port: int) -> tuple[str, Any]:
        listed = b""
        while b"webSocketDebuggerUrl" not in listed:
            listed = await asked(port, b"GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"} ]")
        target = json.loads(listed.partition(b"\r\n\r\n")[2])[0]["webSocketDebuggerUrl"]
        return await _resumed(port, "/" + target.rpartition("/")[2])

    result, (upgraded, _), _ = asyncio.run(debugged(template, {"n": 21}, port, debugger))
    assert "101 Switching Protocols" in upgraded
    assert result == {"twice": 42}


async def _resumed(port: int, path: str) -> tuple[str, Any]:
    """Attach to an inspector and let the program run on; return what keeps the connection, too."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    upgraded = await reader.readuntil(b"\r\n\r\n")
    for number, method in enumerate(("Debugger.enable", "Runtime.runIfWaitingForDebugger")):
        writer.write(_masked({"id": number, "method": method}))
    seen = b""
    while b"Debugger.paused" not in seen:
        seen += await reader.read(1000)
    writer.write(_masked({"id": 2, "method": "Debugger.resume"}))
    return upgraded.decode(), writer


def _masked(message: Any) -> bytes:
    """A frame as a client of WebSocket sends it (RFC 6455 §5.2), by a mask that changes nothing."""
    content = json.dumps(message).encode()
    return bytes([0x81, 0x80 | len(content), 0, 0, 0, 0]) + content


def test_each_function_has_an_environment_before_anything_is_served(tmp_path: Path) -> None:
    template = laid(tmp_path, COUNTS, f"python{VERSION}")

    async def run() -> tuple[list[str], list[str]]:
        told: list[str] = []
        async with opened(template, told) as valve:
            await valve.warm(["Hello"])
            before = list(told)
            api = valve.lambda_api()
            path = "/2015-03-31/functions/Hello/invocations"
            answer = await api.answer(Request("POST", path, {}, b'{"n": 1}'))
            assert json.loads(answer.body) == {"twice": 2}
            return before, told

    before, after = asyncio.run(run())
    assert [line for line in before if "INIT_START" in line]
    assert len([line for line in after if "INIT_START" in line]) == 1


def test_what_cannot_be_started_ahead_is_told_and_the_rest_is_served(tmp_path: Path) -> None:
    template = laid(tmp_path, COUNTS, "java21")

    async def run() -> list[str]:
        told: list[str] = []
        async with opened(template, told) as valve:
            await valve.warm(["Hello"])
        return told

    assert any("`java21` cannot be run" in line for line in asyncio.run(run()))
