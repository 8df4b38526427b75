"""What the measurements share: the table they fill, the valve under measurement, and a plain child beside it.

Knows processes and their pipes. Does not know what is measured.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.figures import Figures

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
APP = HERE / "app"
RESULTS = Path(os.environ.get("VALVE_BENCH", ROOT / ".valve-bench" / "figures.json"))

LAMBDA = {
    "AWS_SESSION_TOKEN": "x" * 129,
    "AWS_LAMBDA_FUNCTION_NAME": "Calls",
    "_X_AMZN_TRACE_ID": "Root=1-5e1b4151-5ac6c58f5b5daa6532e2b9f0;Parent=53995c3f42cd8ad8;Sampled=1",
}
"""What every function has on Lambda, whoever runs it, and sends with every call: a session's token, and a
trace (Lambda developer guide, defined runtime environment variables)."""

PLAIN = """
import json, sys
sys.path.insert(0, "")
import app
for line in sys.stdin:
    print(json.dumps(app.handler(json.loads(line), None)), flush=True)
"""


class Talker:
    """A child that answers each JSON line with one."""

    def __init__(self, command: list[str], environ: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *command],
            env=environ,
            cwd=folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, told: Any) -> Any:
        """Return its answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def invoke(self, function: str, event: Any, trigger: str = "") -> Any:
        """Have the valve invoke a function; return its result."""
        done = self.ask({"function": function, "event": event, "trigger": trigger})
        assert not done["failed"], done["payload"]
        return done["payload"]

    def close(self) -> None:
        """Let it end by itself."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """The table; printed and written when all is measured."""
    table = Figures()
    yield table
    table.write(RESULTS)
    print(f"\n\n{table.table()}\n\nwritten to {RESULTS}")


Valves = Callable[..., Talker]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Valves]:
    """Make a valve in a process of its own; settings by name."""
    made: list[Talker] = []

    def make(**settings: Any) -> Talker:
        home = tmp_path / str(len(made))
        home.mkdir()
        told = {
            "template": str(APP / "template.yaml"),
            "labels": str(home / "labels.db"),
            "audit": str(home / "audit.jsonl"),
            "parameters": {"Runtime": runtime()},
            **settings,
        }
        environ = surroundings()
        made.append(Talker([str(HERE / "guarded.py"), json.dumps(told)], environ, tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.close()


def surroundings() -> dict[str, str]:
    """Return the environment of a valve as a user has it: this checkout, its compiled files kept."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def runtime() -> str:
    """Return the Lambda runtime of the interpreter that measures, so that every way runs the same one."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


def unguarded(port: int) -> dict[str, str]:
    """Return the variables of a function on Lambda that talks to the embedded cloud directly."""
    told = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    return {
        **told,
        **LAMBDA,
        "PATH": os.environ["PATH"],
        "BUCKET": client(told, "s3").list_buckets()["Buckets"][0]["Name"],
        "TABLE": client(told, "dynamodb").list_tables()["TableNames"][0],
        "QUEUE": client(told, "sqs").list_queues()["QueueUrls"][0],
    }


def client(environ: dict[str, str], service: str) -> Any:
    """Return the operator's own client of the same cloud."""
    import boto3

    return boto3.client(
        service,
        endpoint_url=environ["AWS_ENDPOINT_URL"],
        region_name=environ["AWS_REGION"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def moto_server() -> Iterator[int]:
    """Run moto's own server, as people start it; its port."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, "moto's server has ended"
                time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(60)


def stocked(port: int, like: dict[str, str]) -> dict[str, str]:
    """Make what the application has in another cloud; return the variables of a function that talks to it."""
    environ = {**like, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    client(environ, "s3").create_bucket(Bucket=like["BUCKET"])
    client(environ, "dynamodb").create_table(
        TableName=like["TABLE"],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    queue = client(environ, "sqs").create_queue(QueueName=like["QUEUE"].rpartition("/")[2])
    return {**environ, "QUEUE": queue["QueueUrl"]}


@pytest.fixture
def plain() -> Iterator[Callable[[str, dict[str, str]], Talker]]:
    """Run a function of the application as a plain child process."""
    made: list[Talker] = []

    def make(function: str, environ: dict[str, str]) -> Talker:
        made.append(Talker(["-c", PLAIN], environ, APP / function))
        return made[-1]

    yield make
    for each in made:
        each.close()
