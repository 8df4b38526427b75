"""The readers of policies and templates: any text and any tree is read, or is a mistake with its place.

Knows what a mistake must tell and how much work a text may cost. Does not know either language.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz.steps import bounded
from tests.policy.application import example
from valve_aws import template, text
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.policy import dead, read

APP = example()
WORK = 400_000
"""Calls that a text of no length may cost: importing and compiling what is used for the first time."""
WORK_A_BYTE = 600

NOWHERE_TO_POINT = ("longer than", "references follow one another", "is empty", "there is no such")
"""Mistakes of a file as a whole."""


def told(work: Callable[[], Any], size: int) -> Any:
    """Run, and hold a mistake to what it must tell; None for a mistake."""
    mistake: Invalid | None = None
    try:
        return bounded(work, WORK + WORK_A_BYTE * size)[0]
    except Invalid as found:
        mistake = found
    where = mistake.where
    assert mistake.problem, "a mistake says nothing"
    assert where.file, f"a mistake has no place: {mistake}"
    if not any(words in mistake.problem for words in NOWHERE_TO_POINT):
        assert where.line > 0, f"a mistake has no line: {mistake}"
        assert where.column > 0, f"a mistake has no column: {mistake}"
    assert "\n" not in str(mistake), "a mistake has more than one line"
    return None


def policy(content: bytes) -> None:
    """Raise for a text that makes the reader of policies fail in another way than it says."""

    def work() -> Any:
        found = read(text.parse(content, "valve.yaml"), APP, "valve.yaml")
        return dead(found, APP)

    told(work, len(content))


def policy_tree(content: bytes) -> None:
    """The same for a tree that the bytes choose."""
    told(lambda: read(Tree(content, POLICY).node(), APP, "valve.yaml"), len(content))


def stack(content: bytes) -> None:
    """Raise for a text that makes the reader of templates fail in another way than it says."""
    told(lambda: _stack(lambda path: text.parse(content, path.name, last=True)), len(content))


def stack_tree(content: bytes) -> None:
    """The same for a tree that the bytes choose."""
    told(lambda: _stack(lambda _: Tree(content, TEMPLATE).node()), len(content))


def _stack(load: Callable[[Path], Node]) -> Any:
    return template.read(
        Path("template.yaml"),
        parameters={}, stack="app", account="123456789012", region="eu-west-1", physical={}, load=load,
    )


class Tree:
    """A tree of likely words, one byte a choice; the same bytes give the same tree."""

    def __init__(self, choices: bytes, words: tuple[str, ...]) -> None:
        self._choices, self._at, self._words = choices, 0, words

    def byte(self) -> int:
        """Return the next choice, 0 when there are none left."""
        self._at += 1
        return self._choices[self._at - 1] if self._at <= len(self._choices) else 0

    def word(self) -> str:
        """Return a word."""
        return self._words[self.byte() % len(self._words)]

    def node(self, depth: int = 0) -> Node:
        """Return a value with a place and, seldom, a short form's tag."""
        choice = self.byte()
        where = Where("valve.yaml", depth + 1, 1 + self._at)
        tag = ("Ref", "Sub", "GetAtt", "If")[choice % 4] if choice > 240 else ""
        if choice < 110 and (depth < 8 or not depth):
            return Node({self.word(): self.node(depth + 1) for _ in range(1 + choice % 5)}, where, tag)
        if choice < 150 and depth < 8:
            return Node([self.node(depth + 1) for _ in range(choice % 4)], where, tag)
        if choice < 230:
            return Node(self.word(), where, tag)
        return Node((None, True, False, 0, -1, 1.5, 10**20, "", "x" * 300, b"\0")[choice % 10], where, tag)


POLICY = tuple(
    """version mode labels stores functions events results logs operations grant only-to holds accepts from
    sealed attributes items objects key clearance writes invokes may-remove into release reveals
    configure label default all enforce audit off pii pii/email card tenant/{tenant} {x} user/{sub} *
    {tenant}/* pk sk id email Customers Orders Uploads Jobs Analytics Reports Worker Resize Explore
    Anonymise Checkout Deploy Checkout.Api Worker.Jobs bedrock:model ses:to/{email}
    https://api.stripe.com/* tcp://db.internal:5432 arn:aws:s3:::x why s3:GetObject [a-z]{1,3} (a|b)*
    {pk} 1 {}""".split()
)
TEMPLATE = tuple(
    """Resources Type Properties Parameters Globals Function Conditions Mappings Metadata Valve Transform
    Outputs AWS::Serverless::Function AWS::Lambda::Function AWS::SQS::Queue AWS::S3::Bucket
    AWS::DynamoDB::Table AWS::SNS::Topic AWS::SNS::Subscription AWS::IAM::Role
    AWS::Serverless::LayerVersion AWS::Serverless::Application AWS::Lambda::EventSourceMapping
    AWS::Serverless::Api AWS::Events::Rule AWS::Serverless-2016-10-31 Handler Runtime CodeUri InlineCode
    Environment Variables Policies Statement Effect Action Resource Events Queue Bucket Arn Ref
    Fn::GetAtt Fn::Sub Fn::Join Fn::If Fn::Equals Fn::FindInMap Fn::Select Fn::Split Fn::ForEach::X
    Fn::ImportValue Fn::Transform Condition Default Location F G Q B T ${F} ${Q.Arn} F.Arn Q.Arn
    DependsOn Layers KeySchema AttributeDefinitions AttributeName KeyType Subscription Endpoint Protocol
    NotificationConfiguration python3.12 app.handler Role Connectors Destination Id AWS::NoValue
    AWS::Region . ../x * s3:* Allow Deny 3""".split()
)
