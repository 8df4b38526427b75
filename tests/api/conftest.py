"""A valve with the Lambda API in front of it, as `valve local start-lambda` has it, and clients of it.

Knows one template that most tests share. Does not judge anything.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from valve_aws.api.server import Listening, Loop
from valve_aws.api.web import application
from valve_aws.clock import Clock
from valve_aws.settings import Settings
from valve_aws.staying.standing import opened
from valve_aws.valve import Valve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: echo, Runtime: python3.11, Handler: app.handler, CodeUri: src}
"""
CODE = """
import json, os, sys, time

def handler(event, context):
    if "exit" in event: os._exit(event["exit"])
    if "raise" in event: raise ValueError(event["raise"])
    if "sleep" in event: time.sleep(event["sleep"])
    if "print" in event: print(event["print"])
    if "context" in event:
        client = context.client_context
        return {"arn": context.invoked_function_arn, "version": context.function_version,
                "name": context.function_name, "custom": client and client.custom}
    return event
"""


class Town:
    """A running API. `client` reaches it with boto3."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.lines = folder, list[str]()
        self._settings = Settings(template=folder / "template.yaml", **settings)
        self._ready, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._failed: BaseException | None = None
        self._thread.start()
        self._ready.wait(100)
        if self._failed:
            raise self._failed

    async def _live(self) -> None:
        try:
            self.valve = Valve.read(self._settings, self.lines.append, clock=Clock())
            async with opened(self.valve):
                self.api = self.valve.lambda_api()
                self.loop = Loop(asyncio.get_running_loop())
                listening = Listening(application(self.api, self.loop), "127.0.0.1", 0)
                self.url = listening.url
                self._ready.set()
                await asyncio.to_thread(self._stop.wait)
                await asyncio.to_thread(listening.close)
        except BaseException as error:
            self._failed = error
            raise
        finally:
            self._ready.set()

    def client(self, **more: Any) -> Any:
        """Return a Lambda client of this API. It tries once."""
        return self.client_of(self.url, **more)

    @staticmethod
    def client_of(url: str, **more: Any) -> Any:
        """Return a Lambda client of an address."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=80, **more)
        return boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )

    def cloud(self, service: str) -> Any:
        """Return a client of the cloud behind the API, which starts when one is first asked for."""
        there = self.loop.wait(self.valve.cloud())
        return boto3.client(
            service,
            endpoint_url=there.url,
            region_name="us-east-1",
            aws_access_key_id=there.credential.access_key,
            aws_secret_access_key=there.credential.secret_key,
            aws_session_token=there.credential.token or None,
        )

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(30)


def built(folder: Path, template: str = TEMPLATE, code: str = CODE, **settings: Any) -> Town:
    """Write an application and return its API, running."""
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text(code)
    (folder / "template.yaml").write_text(template)
    return Town(folder, **settings)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One API for all tests that leave it as they found it."""
    found = built(tmp_path_factory.mktemp("api"))
    yield found
    found.close()


@pytest.fixture
def client(town: Town) -> Any:
    """A client of the shared API."""
    return town.client()
