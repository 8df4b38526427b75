"""A label goes through each of LocalStack's stores and is there when somebody reads it again.

Knows a small application by what becomes of its last call. Does not know how a label is kept.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.localstack.carrier import Carrier
from tests.localstack.conftest import LocalStack
from valve_aws.model.verdict import Rule

STREAM = "DynamoDB streams"
WAYS = ("S3", "SQS", "DynamoDB", "SNS")

RECOGNISED = ("S3", "DynamoDB")
"""Stores of which the book knows what somebody reads, by version or key. What comes next out of a queue, or
is delivered on, somebody else may have written: that carries all that its store may hold (law 9)."""


@pytest.fixture
def carrier(tmp_path: Path, localstack: LocalStack) -> Carrier:
    return Carrier.made(tmp_path, localstack)


def carried(carrier: Carrier, what: str, by: str, mode: str) -> str:
    """Return what became of the last call of whoever takes something out of a store."""
    _, became = carrier.lived(("Bring", {"what": what, "by": by}), ("Take", {"by": by}), mode=mode)
    return str(became)


def arrived(carrier: Carrier, by: str) -> str:
    """Return what lies where nothing labelled may be, as the operator sees it."""
    s3 = carrier.client("s3")
    if not s3.list_objects_v2(Bucket=carrier.name("Open")).get("KeyCount"):
        return ""
    return str(s3.get_object(Bucket=carrier.name("Open"), Key=by)["Body"].read().decode())


@pytest.mark.parametrize("by", [*WAYS, STREAM])
def test_with_the_guard_off_what_is_labelled_arrives(by: str, carrier: Carrier) -> None:
    assert carried(carrier, "email", by, "off") == "arrived"
    assert arrived(carrier, by) == "alice@example.org"


@pytest.mark.parametrize("by", WAYS)
def test_what_is_labelled_is_refused_after_it_went_through_a_store(by: str, carrier: Carrier) -> None:
    assert carried(carrier, "email", by, "enforce") == "AccessDenied"
    assert arrived(carrier, by) == ""
    assert carrier.records[-2].label & {"pii", "pii/email"}


@pytest.mark.parametrize("by", RECOGNISED)
def test_what_is_not_labelled_passes(by: str, carrier: Carrier) -> None:
    assert carried(carrier, "country", by, "enforce") == "arrived"
    assert arrived(carrier, by) == "NL"


@pytest.mark.parametrize("by", sorted({*WAYS} - {*RECOGNISED}))
def test_what_somebody_else_may_have_put_there_carries_all_that_its_store_may_hold(
    by: str, carrier: Carrier
) -> None:
    assert carried(carrier, "country", by, "enforce") == "AccessDenied"
    assert carrier.records[-2].label == {"pii"}


def test_a_stream_is_asked_by_nobody(carrier: Carrier) -> None:
    """What it shows was overwritten in its table, label and all; a mapping hands it over with its labels."""
    assert carried(carrier, "email", STREAM, "enforce").startswith("{'errorMessage': 'An error occurred (Acc")
    assert [r.reasons[0].rule for r in carrier.records if r.verdict == "refuse"] == [Rule.PERIMETER]
    assert arrived(carrier, STREAM) == ""


def test_what_is_not_recognised_carries_all_that_its_store_may_hold(carrier: Carrier) -> None:
    carrier.lived(("Bring", {"what": "country", "by": "S3"}))
    assert carrier.lived(("Take", {"by": "S3"})) == ["arrived"]
    carrier.client("s3").put_object(Bucket=carrier.name("Files"), Key="k", Body=b"who knows")
    assert carrier.lived(("Take", {"by": "S3"})) == ["AccessDenied"]
    assert arrived(carrier, "S3") == "NL"
