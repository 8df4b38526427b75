"""What a client is told whose request is still under way when the server ends.

Knows the application alone. Does not know any operation.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

from valve_aws.api.ports import Answer
from valve_aws.api.reading import Request
from valve_aws.api.server import Loop
from valve_aws.api.web import application


class Ending:
    """An API that is ended while it answers."""

    async def answer(self, _: Request) -> Answer:
        """Be cut."""
        raise asyncio.CancelledError


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of its own, on a thread of its own."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def test_a_request_that_is_cut_is_answered_as_lambda_does(loop: asyncio.AbstractEventLoop) -> None:
    client = application(Ending(), Loop(loop)).test_client()
    answer = client.post("/2015-03-31/functions/f/invocations", data=b"{}")
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (500, "ServiceException")
    assert json.loads(answer.data) == {"Type": "Service", "Message": "The server has ended."}
