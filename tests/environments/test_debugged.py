"""How an interpreter is told to wait for a debugger, and what an adapter inside may say to it.

Knows plans and bytes. Runs nothing.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from valve_aws.environments.dap import BODY, HEAD, Gate
from valve_aws.environments.debugged import debugged, waits
from valve_aws.environments.interpreters import Interpreter
from valve_aws.environments.languages import Bootstrap, Node
from valve_aws.environments.plan import plan
from valve_aws.environments.prepare import Prepared
from valve_aws.model.call import Key
from valve_aws.model.plan import Bind, Plan
from valve_aws.model.stack import Code, Function

KEY = Key("ASIAPLACEHOLDER00001", "secret", "token")
FUNCTION = Function("Fn", "fn", "arn", "index.handler", "python3.11", Code(inline=""))
PYTHON = Interpreter(Path("/usr/bin/python3.11"), (3, 11), Path("/usr"), "", own=True)
NODE = Node(Path("/usr/bin/node"), 20)


def made(interpreter: Any, words: tuple[str, ...] = (), debugpy: Path | None = None, **more: Any) -> Plan:
    function = replace(FUNCTION, runtime="nodejs20.x") if isinstance(interpreter, Node) else FUNCTION
    prepared = Prepared(function, interpreter, (), **more)
    usual = plan(prepared, KEY, region="eu-west-1", stream="s")
    return debugged(usual, prepared, (5890, 5891), words, debugpy)


def test_python_waits_by_our_bootstrap_with_the_hosts_debugpy_after_the_functions_own() -> None:
    found = made(PYTHON, debugpy=Path("/host/debugpy"))
    assert found.argv == (PYTHON.inside, "-Xfrozen_modules=off", "-S", "/var/runtime/bootstrap.py")
    assert found.environ["VALVE_DEBUG_PORT"] == "5890"
    assert found.environ["PYTHONPATH"].endswith("/var/runtime:/var/valve/debugpy")
    assert [(str(bind.source), bind.target) for bind in found.binds] == [
        ("/host/debugpy", "/var/valve/debugpy/debugpy")
    ]
    assert found.wakeful


def test_arguments_of_ones_own_start_the_debugger() -> None:
    found = made(PYTHON, words := ("-m", "debugpy", "--listen", "127.0.0.1:5890"))
    assert found.argv[-5:] == (*words, "/var/runtime/bootstrap.py")
    assert "VALVE_DEBUG_PORT" not in found.environ


def test_node_waits_by_its_inspector() -> None:
    assert made(NODE, ("--nolazy",)).argv[1:3] == ("--inspect-brk=127.0.0.1:5890", "--nolazy")
    assert made(NODE, ("--inspect=127.0.0.1:5890",)).argv[1] == "--inspect=127.0.0.1:5890"


def test_a_program_of_the_functions_own_is_started_as_ever_and_a_launcher_stays_before_all() -> None:
    assert made(Bootstrap("/var/task/bootstrap")).argv == ("/var/task/bootstrap",)
    launched = made(PYTHON, extensions=("x",), launcher=b"", python="/py").argv
    assert launched[:4] == ("/py", "-S", "/var/valve/extensions.py", "/opt/extensions")
    assert launched[4:6] == (PYTHON.inside, "-Xfrozen_modules=off")
    wrapped = replace(FUNCTION, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"})
    usual = plan(Prepared(wrapped, PYTHON, ()), KEY, region="eu-west-1", stream="s")
    within = debugged(usual, Prepared(wrapped, PYTHON, ()), (1,), (), None)
    assert within.argv[:2] == ("/opt/wrap", PYTHON.inside)


@pytest.mark.parametrize(
    ("target", "beside"),
    [
        ("/var/task", ""),
        ("/var/task", "own"),
        ("/var/packages", ""),
        ("/opt", "python"),
        ("/opt", "python/lib/python3.11/site-packages"),
        ("/opt", "python/lib/python3.9/site-packages"),
        ("/elsewhere", ""),
    ],
)
def test_python_waits_only_where_it_finds_a_debugger(target: str, beside: str, tmp_path: Path) -> None:
    function = replace(FUNCTION, environment={"PYTHONPATH": "/nowhere:/var/task/own"})
    prepared = Prepared(function, PYTHON, (Bind(tmp_path, target),), ("/var/packages",))
    assert not waits(prepared, (), None)
    assert waits(prepared, ("-m", "debugpy"), None)
    assert waits(prepared, (), tmp_path)
    assert waits(replace(prepared, interpreter=NODE), (), None)
    (tmp_path / beside / "debugpy").mkdir(parents=True)
    assert waits(prepared, (), None) == (target != "/elsewhere" and "3.9" not in beside)


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def message(**fields: Any) -> bytes:
    return framed(json.dumps(fields).encode())


ANSWER = message(type="response", request_seq=1, success=True, body={"result": "8"})
STOPPED = message(type="event", event="stopped", body={"threadId": 1})
UNFIT = (
    message(type="request", command="runInTerminal", arguments={"args": ["touch", "/tmp/out"]}),
    message(type="request", command="startDebugging", arguments={}),
    message(type="event", event="debugpyAttach", body={"type": "node", "program": "/tmp/x"}),
    framed(b"[]"),
    framed(b'{"type":"response","type":"request","a":"\xc3\xa9"}'),
)


def test_answers_and_news_pass_whole_and_nothing_else() -> None:
    for unfit in UNFIT:
        for size in (1, 7, 10_000):
            gate, content = Gate(), ANSWER + unfit + STOPPED
            pieces = [gate.feed(content[at : at + size]) for at in range(0, len(content), size)]
            assert b"".join(pieces) == ANSWER + STOPPED, unfit


@pytest.mark.parametrize(
    "content",
    [
        b"x" * (HEAD + 1),
        b"X: 1\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"Content-Length: %d\r\n\r\n" % (BODY + 1),
        b"Content-Length: 1\r\n\r\n{",
        b"Content-Length: 40000\r\n\r\n" + b"[" * 40000,
        b'Content-Length: 3\r\n\r\n"\xff"',
    ],
)
def test_what_is_not_the_protocol_ends_it(content: bytes) -> None:
    with pytest.raises(ValueError):
        Gate().feed(content)
