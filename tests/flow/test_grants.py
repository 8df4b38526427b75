"""What a role lets a function do.

Knows IAM's statements. Does not know the policy file.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.flow.orders import DONE, JOBS, UPLOADS, stack
from valve_aws.flow.grants import Grants
from valve_aws.model.stack import Statement

LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/shop-worker"
SEND = Statement(True, ("sqs:Send*",), (JOBS,))


@pytest.mark.parametrize(
    ("statements", "action", "resource", "granted"),
    [
        ((SEND,), "sqs:SendMessage", JOBS, True),
        ((SEND,), "SQS:sendmessage", JOBS, True),
        ((SEND,), "sqs:SendMessage", DONE, False),
        ((SEND,), "sqs:ReceiveMessage", JOBS, False),
        (
            (Statement(True, ("s3:GetObject",), (f"{UPLOADS}/in/*",)),),
            "s3:GetObject",
            f"{UPLOADS}/in/x",
            True,
        ),
        (
            (Statement(True, ("s3:GetObject",), (f"{UPLOADS}/in/*",)),),
            "s3:GetObject",
            f"{UPLOADS}/out/x",
            False,
        ),
        ((Statement(True, ("s3:Get?bject",), ("*",)),), "s3:GetObject", UPLOADS, True),
        (
            (Statement(True, ("*",), ("*",)), Statement(False, ("sqs:*",), (JOBS,))),
            "sqs:SendMessage",
            JOBS,
            False,
        ),
        (
            (Statement(True, ("*",), ("*",)), Statement(False, ("sqs:*",), (JOBS,))),
            "sqs:SendMessage",
            DONE,
            True,
        ),
        (
            (Statement(True, ("*",), ("*",)), Statement(False, ("sqs:*",), ("*",), loose=True)),
            "sqs:SendMessage",
            DONE,
            True,
        ),
        ((Statement(True, (), ("*",), not_actions=("sqs:*",)),), "sqs:SendMessage", JOBS, False),
        ((Statement(True, (), ("*",), not_actions=("sqs:*",)),), "s3:GetObject", UPLOADS, True),
        ((Statement(True, ("sqs:*",), (), not_resources=(JOBS,)),), "sqs:SendMessage", JOBS, False),
        ((Statement(True, ("sqs:*",), (), not_resources=(JOBS,)),), "sqs:SendMessage", DONE, True),
        (
            (Statement(True, ("s3:GetObject",), (UPLOADS + "/${aws:userid}/*",)),),
            "s3:GetObject",
            f"{UPLOADS}/me/x",
            True,
        ),
        ((Statement(True, ("sqs:ListQueues",), (JOBS,)),), "sqs:ListQueues", "*", False),
        ((Statement(True, (), ()),), "sqs:SendMessage", JOBS, False),
    ],
)
def test_statements_are_matched_as_iam_does(
    statements: tuple[Statement, ...], action: str, resource: str, granted: bool
) -> None:
    assert Grants(stack(*statements)).granted("Worker", action, resource) is granted


def test_a_function_without_policies_may_only_write_its_own_log() -> None:
    grants = Grants(
        replace(stack(), functions={"Worker": replace(stack().functions["Worker"], statements=())})
    )
    assert grants.granted("Worker", "logs:PutLogEvents", f"{LOGS}:log-stream:s")
    assert not grants.granted("Worker", "logs:PutLogEvents", f"{LOGS}-of-another")
    assert not grants.granted("Worker", "logs:DeleteLogGroup", LOGS)
    assert not grants.granted("Worker", "sqs:SendMessage", JOBS)


def test_a_role_outside_the_template_grants_what_no_statement_denies() -> None:
    denying = Statement(False, ("sqs:*",), (JOBS,))
    grants = Grants(stack(denying, unmanaged_role=True))
    assert grants.granted("Worker", "sqs:SendMessage", DONE)
    assert not grants.granted("Worker", "sqs:SendMessage", JOBS)


def test_who_is_not_of_the_stack_is_granted_nothing() -> None:
    assert not Grants(stack()).granted("Stranger", "sqs:SendMessage", JOBS)


def test_only_a_name_without_wildcards_is_exact() -> None:
    grants = Grants(stack(Statement(True, ("s3:*",), ("arn:aws:s3:::reports/*", "arn:aws:s3:::other-*"))))
    assert grants.exact("Worker", "arn:aws:s3:::reports")
    assert not grants.exact("Worker", "arn:aws:s3:::other-x")
    assert not grants.exact("Worker", "arn:aws:s3:::report")
