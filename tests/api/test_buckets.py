"""Code that comes out of a bucket: it runs, unless it carries a label, which no event would bring along.

Knows two buckets of one policy. Does not know how labels are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import TEMPLATE, Town, built
from tests.api.test_functions import ROLE, code, settled, told
from valve_aws.model.cell import one
from valve_aws.model.label import CLEAN
from valve_aws.model.ports import Outcome, Rise
from valve_aws.passage.driver import Passage

BUCKETS = """
  Plain: {Type: AWS::S3::Bucket, Properties: {BucketName: plain-code}}
  Secret: {Type: AWS::S3::Bucket, Properties: {BucketName: secret-code}}
"""
Together = Callable[[Callable[[Any], object]], list[str]]

POLICY = """
version: 1
labels: {pii: {}}
stores: {Secret: {holds: [pii], accepts: [pii]}}
"""


@pytest.fixture(scope="module")
def deploying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """An API whose cloud has code in two buckets."""
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "valve.yaml").write_text(POLICY)
    town = built(folder, TEMPLATE + BUCKETS)
    client = town.cloud("s3")
    for bucket in ("plain-code", "secret-code"):
        client.put_object(Bucket=bucket, Key="code.zip", Body=code("'from a bucket'"))
    yield town
    town.close()


def created(client: Any, bucket: str, key: str = "code.zip") -> None:
    """Create a function of code in a bucket."""
    client.create_function(
        FunctionName="stored",
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"S3Bucket": bucket, "S3Key": key},
    )


def test_code_out_of_a_bucket_runs(deploying: Town) -> None:
    client = deploying.client()
    created(client, "plain-code")
    settled(client, "stored")
    assert told(client, "stored") == "from a bucket"
    client.delete_function(FunctionName="stored")


def test_code_that_carries_a_label_is_refused(deploying: Town) -> None:
    with pytest.raises(ClientError, match="S3 Error Code: AccessDenied"):
        created(deploying.client(), "secret-code")
    assert any("carries a label" in line for line in deploying.lines)


def test_code_that_carried_a_label_while_it_was_read_is_refused(
    deploying: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    passage = deploying.valve.passage
    book, read, code_there = passage.book, Passage.fetch, one("arn:aws:s3:::plain-code", "code.zip")

    async def overtaken(*asked: Any) -> Any:
        book.raise_("r-secret", [Rise(code_there, frozenset({"pii"}))], [], book.stamp())
        found = await read(*asked)
        book.settle("r-secret", Outcome.DONE)
        book.raise_("r-clean", [Rise(code_there, CLEAN, replaces=True)], [], book.stamp())
        book.settle("r-clean", Outcome.DONE)
        return found

    monkeypatch.setattr(Passage, "fetch", overtaken)
    with pytest.raises(ClientError, match="S3 Error Code: AccessDenied"):
        created(deploying.client(), "plain-code")
    assert book.held([code_there])[code_there].label == CLEAN, "by now it is clean again"


@pytest.mark.parametrize(
    ("bucket", "key", "said"),
    [
        ("nobodys-bucket", "code.zip", "NoSuchBucket. S3 Error Message: The specified bucket does not exist"),
        ("plain-code", "other.zip", "NoSuchKey. S3 Error Message: The specified key does not exist."),
    ],
)
def test_code_that_is_not_there_is_told_as_s3_tells_it(
    deploying: Town, bucket: str, key: str, said: str
) -> None:
    with pytest.raises(ClientError, match=f"Error occurred while GetObject. S3 Error Code: {said}"):
        created(deploying.client(), bucket, key)


@pytest.fixture
def together(deploying: Town, monkeypatch: pytest.MonkeyPatch) -> Together:
    """Ask the same twice, so that code comes out of a bucket for both before either goes on; what became of
    each, "" for what was done."""
    both, read = asyncio.Barrier(2), Passage.fetch

    async def fetched(*asked: Any) -> Any:
        found = await read(*asked)
        await both.wait()
        return found

    def ended(ask: Callable[[Any], object]) -> str:
        try:
            ask(deploying.client())
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    def asked(ask: Callable[[Any], object]) -> list[str]:
        with monkeypatch.context() as patched, ThreadPoolExecutor(2) as callers:
            patched.setattr(Passage, "fetch", fetched)
            return sorted(callers.map(ended, [ask, ask]))

    return asked


def test_of_two_who_make_a_function_at_once_one_is_refused(deploying: Town, together: Together) -> None:
    assert together(lambda client: created(client, "plain-code")) == ["", "ResourceConflictException"]
    settled(deploying.client(), "stored")
    deploying.client().delete_function(FunctionName="stored")


def test_of_two_who_change_a_function_at_once_one_is_refused(deploying: Town, together: Together) -> None:
    client = deploying.client()
    created(client, "plain-code")
    settled(client, "stored")
    change = {"FunctionName": "stored", "S3Bucket": "plain-code", "S3Key": "code.zip"}
    ends = together(lambda client: client.update_function_code(**change))
    assert ends == ["", "ResourceConflictException"]
    settled(client, "stored")
    client.delete_function(FunctionName="stored")
