"""A LocalStack that was started anew, and one that lacks a service, are told for what they are.

Knows when LocalStack begins and ends. Does not know how it is recognised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.localstack.carrier import Carrier
from tests.localstack.conftest import LocalStack, another
from tests.localstack.server import Home, launch, stop, taken
from tests.stories.world import free_port
from valve_aws import cloud
from valve_aws.backend import Endpoint, Found, endpoint, find


class Restart:
    """Ends the LocalStack of before, if there was one, and starts one at the same address."""

    def __init__(self, localstack: LocalStack, home: Path, closing: ExitStack) -> None:
        self._localstack, self._home, self._closing = localstack, home, closing
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def __call__(self, **settings: str) -> None:
        """Do it, with further settings."""
        self._closing.close()
        told = {"LAMBDA_RUNTIME_EXECUTOR": "docker", **settings}
        self._closing.enter_context(another(self._localstack, self._home, self._port, **told))


@pytest.fixture(scope="module")
def restart(localstack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restart]:
    with ExitStack() as closing:
        made = Restart(localstack, tmp_path_factory.mktemp("lives"), closing)
        made()
        yield made


@pytest.fixture
def carrier(tmp_path: Path, localstack: LocalStack, restart: Restart) -> Carrier:
    return Carrier.made(tmp_path, LocalStack(restart.url, localstack.python))


def somebody_writes(carrier: Carrier) -> None:
    """Put something into the new one under a name that was clean in the one before."""
    dynamodb, table = carrier.client("dynamodb"), carrier.name("Notes")
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=table, Item={"id": {"S": "n"}, "text": {"S": "alice@example.org"}})


def test_what_was_known_of_one_is_not_taken_for_what_is_in_the_next(
    carrier: Carrier, restart: Restart
) -> None:
    carrier.lived(("Bring", {"what": "country", "by": "DynamoDB"}))
    restart()
    somebody_writes(carrier)
    assert carrier.lived(("Take", {"by": "DynamoDB"})) == ["AccessDenied"]


def test_without_looking_which_one_it_is_it_would_be(
    carrier: Carrier, restart: Restart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(endpoint: Endpoint, say: Callable[[str], None]) -> Found:
        return Found(endpoint)

    monkeypatch.setattr(cloud, "find", blind)
    carrier.lived(("Bring", {"what": "country", "by": "DynamoDB"}))
    restart()
    somebody_writes(carrier)
    assert carrier.lived(("Take", {"by": "DynamoDB"})) == ["arrived"]


def test_one_that_is_started_anew_in_the_middle_of_a_run_ends_it(carrier: Carrier, restart: Restart) -> None:
    brought, taken = carrier.lived(
        ("Bring", {"what": "country", "by": "DynamoDB"}), restart, ("Take", {"by": "DynamoDB"})
    )
    assert brought is None
    assert taken["errorType"] == "ClientError"
    assert any("was started anew in the middle of this run" in line for line in carrier.said)


def test_a_service_that_it_does_not_offer_is_named(carrier: Carrier, restart: Restart) -> None:
    restart(SERVICES="s3,sqs,dynamodb")
    carrier.wired = False
    told = carrier.lived(("Call", {"service": "sns", "do": "list_topics", "with": {}}))
    assert told == ["InternalFailure"]
    lacks = f"valve: LocalStack at {restart.url} does not offer `sns`, which News needs (its `SERVICES`)"
    assert {lacks, f"valve: sns:ListTopics is not offered by the backend at {restart.url}"} <= set(
        carrier.said
    )


def test_one_that_is_still_starting_is_waited_for(localstack: LocalStack, tmp_path: Path) -> None:
    """Its own script keeps it from being ready until we have said that we wait."""
    home, port, said_so = Home(tmp_path / "home"), free_port(), tmp_path / "said"
    script = home.folder / "root" / "etc" / "localstack" / "init" / "ready.d" / "wait.sh"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\nuntil [ -e {said_so} ]; do sleep 0.1; done\n")
    script.chmod(0o755)
    url = f"http://127.0.0.1:{port}"

    def say(line: str) -> None:
        assert line == f"valve: LocalStack at {url} is still starting; waiting for it"
        said_so.touch()

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(launch, home, localstack.python, port, {"LAMBDA_RUNTIME_EXECUTOR": "docker"})
        try:
            while not taken(port) and not started.done():
                time.sleep(0.05)
            assert find(endpoint("localstack", "", {"AWS_ENDPOINT_URL": url}), say).endpoint.session
            assert said_so.exists()
        finally:
            said_so.touch()
            started.result()
            stop(home, patience=0)
