"""Fixtures of the deliveries: one moto for all, an SDK of 2019 from the package index, a database's port.

Knows where things arrive. Does not know what is to arrive.
"""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.stories.world import STACKS, World, moto

HERE = STACKS / "deliveries"
SDK = Path("src", "aged", "sdk")


@dataclass
class Place:
    """What the errand has brought to one side, `keep` or `drop`, as the operator's own client sees it."""

    url: str
    lines: dict[str, list[str]] = field(default_factory=lambda: {"keep": [], "drop": []})
    """What was said to the database of each side."""

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="operator",
            aws_secret_access_key="operator",
        )

    def came(self, side: str, name: str) -> set[str]:
        """Return which of the deliveries of one name came to a side."""
        listed = self.client("s3").list_objects_v2(Bucket=f"{side}-files").get("Contents", ())
        note = self.client("dynamodb").get_item(TableName=f"{side}-notes", Key={"id": {"S": name}})
        found = {"s3"} if name in {entry["Key"] for entry in listed} else set()
        found |= {"sqs"} if any(body.startswith(f"{name} ") for body in self.messages(side)) else set()
        found |= {"dynamodb"} if "Item" in note else set()
        return found | ({"tcp"} if any(line.startswith(f"{name} ") for line in self.lines[side]) else set())

    def messages(self, side: str) -> list[str]:
        """Return all messages of a queue, which stay."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{side}-jobs")["QueueUrl"]
        found: list[str] = []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        for body in found:
            sqs.send_message(QueueUrl=url, MessageBody=body)
        return found


@pytest.fixture(scope="session")
def sdk_of_2019(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the SDK."""
    return installed(str(tmp_path_factory.getbasetemp()))


@cache
def installed(base: str) -> Path:
    """Install it as a user would, once, into a folder of its own; fails where there is no package index."""
    folder = Path(base, "sdk-of-2019", "sdk")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    told = subprocess.run(
        [*pip, "--only-binary", ":all:", "--no-deps", "--target", folder, "-r", HERE / "src/aged/sdk.txt"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, f"the SDK of 2019 could not be installed: {told.stderr}"
    return folder


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with moto() as url:
        yield Place(url)


@pytest.fixture(scope="module")
def databases(place: Place) -> Iterator[list[str]]:
    """Serve a database on each side; yield the options that lead there."""
    servers = {side: database(place.lines[side]) for side in ("keep", "drop")}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [
        word
        for side, server in servers.items()
        for word in ("--resolve", f"{side}.db.test:5432=127.0.0.1:{server.server_address[1]}")
    ]
    for server in servers.values():
        server.shutdown()
        server.server_close()


def database(lines: list[str]) -> socketserver.ThreadingTCPServer:
    """Return a server that keeps the line that each client says, and answers `kept`."""

    class Handler(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            lines.append(self.rfile.readline().decode())
            self.wfile.write(b"kept")

    return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def stage(tmp_path: Path, sdk_of_2019: Path, place: Place, databases: list[str]) -> Callable[[], World]:
    """Return a function that makes a new project of the stack, its SDK installed, its records empty."""
    made = iter(range(99))

    def new() -> World:
        folder = tmp_path / str(next(made)) / "deliveries"
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns(".valve", "__pycache__", "sdk"))
        shutil.copytree(sdk_of_2019, folder / SDK, copy_function=os.link)
        options = [*databases, "--resolve", "objects.cloud.test:9000=127.0.0.1:9", "--seed", "seed.yaml"]
        return World(folder, place.url, options)

    return new
