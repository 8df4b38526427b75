"""An application on a whole valve with the embedded cloud, driven from a test's own thread.

Knows how one is opened, invoked, given time and looked at. Does not know any trigger.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from valve_aws import clock
from valve_aws.backend import Standing
from valve_aws.model.cell import Extent
from valve_aws.model.invocation import NOTHING_BESIDE
from valve_aws.model.label import Label
from valve_aws.model.record import Record
from valve_aws.model.verdict import Holding
from valve_aws.settings import Settings
from valve_aws.valve import Valve

T = TypeVar("T")


class Ground:
    """One application; `with` it."""

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, str],
        cloud: Standing,
        mode: str = "",
        time: clock.Clock | None = None,
    ) -> None:
        """`files` are the application's, by path; `cloud` may stand for one after the other; `time` None is
        one that the test moves."""
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.said: list[str] = []
        self.lines: list[str] = []
        policy = folder / "valve.yaml" if "valve.yaml" in files else None
        settings = Settings(template=folder / "template.yaml", policy=policy, mode=mode, spares=0)
        self.valve = Valve.read(
            settings,
            self.said.append,
            heard=lambda who, stream, line, free: self.lines.append(line),
            moto=cloud.start,
            clock=time,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Ground:
        self._thread.start()
        self.call(self.valve.open())
        return self

    def __exit__(self, *_: object) -> None:
        self.call(self.valve.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, course: Coroutine[Any, Any, T]) -> T:
        """Have the valve's loop run something."""
        return asyncio.run_coroutine_threadsafe(course, self._loop).result(120)

    def invoke(self, function: str, event: Any = None) -> Any:
        """Invoke and wait for what came of it, not for what it woke."""
        done = self.call(self.valve.invoke(function, json.dumps(event or {}).encode()))
        return json.loads(done.payload)

    def defer(self, function: str, event: Any, carried: Holding = Holding()) -> str:
        """Leave an event, as an operator who does not wait for it."""

        async def put() -> str:
            payload = json.dumps(event).encode()
            put = self.valve.triggering.deferring.put
            return put(function, payload, carried, "", "operator", "", NOTHING_BESIDE)

        ident = self.call(put())
        self.settle()
        return ident

    def settle(self) -> None:
        """Wait until nothing is under way, with no time passing."""
        self.call(self.valve.triggering.settle())

    def drain(self) -> None:
        """Wait until all has come to its end, whatever time that takes."""
        self.call(self.valve.drain())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        clock.advance(seconds)

    def client(self, service: str) -> Any:
        """Return the operator's client."""
        if service not in self._clients:
            at = self.call(self.valve.cloud())
            self._clients[service] = boto3.client(
                service,
                endpoint_url=at.url,
                region_name="us-east-1",
                aws_access_key_id=at.credential.access_key,
                aws_secret_access_key=at.credential.secret_key,
                aws_session_token=at.credential.token,
                config=Config(
                    s3={"addressing_style": "path"},
                    retries={"total_max_attempts": 1},
                    account_id_endpoint_mode="disabled",
                ),
            )
        return self._clients[service]

    def name(self, logical: str) -> str:
        """Return a resource's physical name."""
        return self.valve.stack.resources[logical].name

    def url(self, queue: str) -> str:
        """Return a queue's URL, by its logical id."""
        found: str = self.client("sqs").get_queue_url(QueueName=self.name(queue))["QueueUrl"]
        return found

    def taken(self, queue: str) -> list[dict[str, Any]]:
        """Take what is in a queue, by its logical id."""
        sqs, url, found = self.client("sqs"), self.url(queue), list[dict[str, Any]]()
        while got := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += got
        return found

    def events(self, function: str) -> list[Record]:
        """Return the records of what a function was given."""
        return [r for r in self.valve.records if r.operation == "Admit" and r.function == function]

    def label(self, extent: Extent) -> Label:
        """Return what the book holds of an extent. Why on the loop: a book belongs to it alone."""

        async def held() -> Label:
            return self.valve._book.held([extent])[extent].label

        return self.call(held())

    def printed(self, word: str) -> list[Any]:
        """Return the JSON that functions printed behind a word."""
        return [json.loads(line.partition(word)[2]) for line in self.lines if word in line]
