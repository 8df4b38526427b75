"""The interpreter of state machines in moto's process: what it asks for, it asks for at one address.

Knows its tasks. Does not know who answers there.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

VISIT = """
import sys
from types import SimpleNamespace
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_api_gateway as gateway,
)
from valve_aws.backend import machines

if "followed" in sys.argv:
    machines.run(str, lambda *_: None)
Task = gateway.StateTaskServiceApiGateway
task = Task.__new__(Task)
told = {"ApiEndpoint": sys.argv[1], "Method": "GET"}
task._eval_service_task(SimpleNamespace(stack=[]), None, told, None)
"""


@pytest.fixture
def arrived() -> Iterator[list[str]]:
    """A server of somebody's: its address, and then what it was asked for."""
    found: list[str] = []

    class Theirs(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Theirs)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.append(f"http://127.0.0.1:{server.server_port}/alice")
    yield found
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("how", ["alone", "followed"])
def test_no_task_goes_to_a_host_by_itself(arrived: list[str], how: str) -> None:
    done = subprocess.run([sys.executable, "-c", VISIT, arrived.pop(), how], capture_output=True, text=True)
    assert bool(arrived) is (how == "alone"), "moto's own task asks whatever host its input says"
    assert ("`apigateway:invoke` is not covered here" in done.stderr) is (how == "followed")
