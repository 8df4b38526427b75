"""What is said of a function by what its role lets it do.

Knows statements. Does not know templates.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from valve_aws.model.stack import Code, Function, Statement

OWN = Statement(True, ("logs:PutLogEvents", "logs:*"), ("*",))
TRACES = Statement(True, ("xray:PutTraceSegments",), ("*",))
READS = Statement(True, ("s3:GetObject",), ("*",))
FUNCTION = Function("F", "f", "arn:aws:lambda:eu-central-1:1:function:f", "app.handler", "", Code())


@pytest.mark.parametrize(
    ("statements", "calls"),
    [
        ((), False),
        ((OWN, TRACES), False),
        ((OWN, READS), True),
        ((Statement(False, ("s3:*",), ("*",)),), False),
        ((Statement(True, ("*",), ("*",)),), True),
        ((Statement(True, ("Logs:*",), ("*",)),), False),
    ],
)
def test_who_may_call_more_than_its_log_is_likely_to(statements: tuple[Statement, ...], calls: bool) -> None:
    assert replace(FUNCTION, statements=statements).calls is calls


def test_who_has_a_role_that_nobody_knows_is_likely_to() -> None:
    assert replace(FUNCTION, unmanaged_role=True).calls
