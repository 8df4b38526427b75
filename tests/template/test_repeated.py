"""Keys that a template writes twice: the last counts and is told of, as CloudFormation has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack

Read = Callable[..., Stack]

FUNCTION = """
    Resources:
      F:
        Type: AWS::Serverless::Function
        Properties:
          InlineCode: x
          Handler: index.first
          Runtime: python3.12
          Handler: index.second
    """

POLICY = """
    Metadata: {Valve: {version: 1}}
    Metadata: {Other: {}}
    Resources: {}
    """

WITHIN = """
    Metadata: {Valve: {version: 1, results: {accepts: []}, results: {accepts: [pii]}}}
    Resources: {}
    """


def test_the_last_of_a_key_counts_and_is_told_of_once(read: Read) -> None:
    stack = read(FUNCTION)
    assert stack.functions["F"].handler == "index.second"
    said = "`Handler` is written twice, first at template.yaml:7:7; this one counts"
    assert list(stack.warnings) == [f"template.yaml:9:7: {said}"]


def test_a_json_template_is_read_the_same(read: Read) -> None:
    stack = read('{"Resources": {}, "Description": "a",\n "Description": "b"}', name="template.json")
    assert [w.split(":")[:2] for w in stack.warnings] == [["template.json", "2"]]


@pytest.mark.parametrize(("written", "key"), [(POLICY, "Metadata"), (WITHIN, "results")])
def test_a_key_that_decides_which_policy_holds_is_never_passed_over(
    read: Read, written: str, key: str
) -> None:
    with pytest.raises(Invalid, match=f"`{key}` is written twice"):
        read(written)
