"""E04: check then act: an upload is let go while its environment is clean, and filled with what is read then.

Knows two calls of one environment at once. Does not know how a call is cut; races for one cell of the book
are in tests/labels.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.noninterference.calls import made
from tests.noninterference.functions import STREAMED
from tests.noninterference.scene import KEPT_FILES, NOTES, OPEN_FILES, SECRET, Scene, play
from valve_aws.model.cell import one
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Mode


def race(secret: str, bucket: str) -> Any:
    """Return a scene: an upload begins, a labelled item is read, the upload ends with what is known then."""

    async def act(scene: Scene) -> tuple[Any, Any]:
        item = {"pk": {"S": "x"}, "a": {"S": secret}}
        await scene.ask(SECRET, "dynamodb", "PutItem", TableName=NOTES.rpartition("/")[2], Item=item)
        environment = scene.environment(CLEAN)
        upload = made("s3", "PutObject", {"Bucket": bucket[13:], "Key": "k", "Body": STREAMED})
        read = made("dynamodb", "GetItem", {"TableName": "ta", "Key": {"pk": {"S": "x"}}})
        await asyncio.gather(environment._request(upload, 0), environment._request(read, 1))
        held = scene.run.book.held([one(bucket, "k")])
        return scene.cloud.objects[bucket].get("k"), next(iter(held.values())).label

    return act


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.AUDIT])
def test_unguarded_what_was_read_meanwhile_arrives(mode: Mode) -> None:
    one_, other = (play(mode, False, race(secret, OPEN_FILES))[0] for secret in ("1", "2"))
    assert one_ != other


@pytest.mark.parametrize("sealed", [True, False])
def test_enforced_the_upload_is_cut_before_the_read_is_answered(sealed: bool) -> None:
    assert {play(Mode.ENFORCE, sealed, race(secret, OPEN_FILES))[0] for secret in ("1", "2")} == {None}


def test_the_honest_twin_arrives_and_carries_what_was_read() -> None:
    body, label = play(Mode.ENFORCE, False, race("1", KEPT_FILES))
    assert body
    assert label == SECRET
