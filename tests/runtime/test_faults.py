"""What an invocation is turned away with before any function sees it."""

from __future__ import annotations

import base64
import json

import pytest

from valve_aws.runtime import faults

MIB = 1024 * 1024


@pytest.mark.parametrize(("waits", "most"), [(True, 6 * MIB), (False, MIB)])
def test_a_payload_may_be_as_large_as_the_quota_and_no_larger(waits: bool, most: int) -> None:
    assert faults.unacceptable(b'"' + b"x" * (most - 2) + b'"', waits) is None
    fault = faults.unacceptable(b'"' + b"x" * (most - 1) + b'"', waits)
    assert fault is not None
    status, code, body = fault
    assert (status, code) == (413, "RequestEntityTooLargeException")
    assert str(most) in json.loads(body)["Message"]


@pytest.mark.parametrize("payload", [b"", b"{", b"NaN", b"{'a': 1}", b"\xff", b"[" * 100_000])
def test_a_payload_that_is_not_json_is_turned_away(payload: bytes) -> None:
    fault = faults.unacceptable(payload, True)
    assert fault is not None
    assert fault[:2] == (400, "InvalidRequestContentException")


def test_a_client_context_is_json_in_base64() -> None:
    assert faults.unacceptable(b"{}", True, base64.b64encode(b'{"custom": {}}').decode()) is None
    for context in ("no base64", base64.b64encode(b"no json").decode()):
        fault = faults.unacceptable(b"{}", True, context)
        assert fault is not None
        assert fault[:2] == (400, "InvalidRequestContentException")
