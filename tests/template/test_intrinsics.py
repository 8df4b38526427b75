"""Intrinsic functions, seen where they matter: in a function's environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack

Variables = Callable[..., Mapping[str, str]]

STORES = """
  Vpc: {Type: AWS::EC2::VPC}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: my-bucket}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Table: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: items}}
  Secret: {Type: AWS::SecretsManager::Secret, Properties: {Name: partner/key}}
  Param: {Type: AWS::SSM::Parameter, Properties: {Name: /app/mode, Type: String, Value: x}}
  Flow: {Type: AWS::Serverless::StateMachine, Properties: {Name: flow}}
Parameters:
  Stage: {Type: String, Default: dev}
  Zones: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Size: {Type: Number, Default: 5}
  Image: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /ami/latest}
Mappings:
  Sizes: {dev: {memory: 128, list: [x, y]}, eu-west-1: {memory: 256}}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  Either: !Or [!Condition IsProd, !Equals [!Ref Size, '5']]
  Both: {Fn::And: [{Condition: IsDev}, !Condition IsProd]}
"""


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("!Ref Vpc", "{{unresolved:Ref:Vpc}}"),
        ("!Select [1, !Split ['/', !Ref Vpc]]", "{{unresolved:Select}}"),
        ("!Ref Stage", "dev"),
        ("!Ref Size", "5"),
        ("!Ref Bucket", "my-bucket"),
        ("!Ref Queue", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"),
        ("!Ref Topic", "arn:aws:sns:eu-west-1:123456789012:news"),
        ("!Ref Table", "items"),
        ("!Ref Secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:partner/key"),
        ("!Ref Param", "/app/mode"),
        ("!Ref Flow", "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"),
        ("!Ref Image", "{{resolve:ssm:/ami/latest}}"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref AWS::AccountId", "123456789012"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::StackName", "app"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::my-bucket"),
        ("!GetAtt Bucket.RegionalDomainName", "my-bucket.s3.eu-west-1.amazonaws.com"),
        ("!GetAtt [Queue, Arn]", "arn:aws:sqs:eu-west-1:123456789012:jobs"),
        ("{Fn::GetAtt: Queue.QueueName}", "jobs"),
        ("{Fn::GetAtt: [Table, Arn]}", "arn:aws:dynamodb:eu-west-1:123456789012:table/items"),
        ("!GetAtt Flow.Name", "flow"),
        (
            "!Sub '${Stage}-${AWS::Region}-${Queue.QueueName}-${!literal}-$x'",
            "dev-eu-west-1-jobs-${literal}-$x",
        ),
        ("!Sub ['${A}/${Stage}/${Stage}', {A: !Ref Size, Stage: mine}]", "5/mine/mine"),
        ("!Join ['-', [a, !Ref Stage, 5, true]]", "a-dev-5-true"),
        ("!Join [',', !Ref Zones]", "a,b,c"),
        ("!Select [1, !Ref Zones]", "b"),
        ("!Select ['2', !Split ['|', 'x|y|z']]", "z"),
        ("!Select [0, !GetAZs '']", "eu-west-1a"),
        ("!Select [1, !GetAZs {Ref: AWS::Region}]", "eu-west-1b"),
        ("!If [IsDev, yes, no]", "true"),
        ("!If [IsProd, a, !If [Either, b, c]]", "b"),
        ("!If [Both, a, b]", "b"),
        ("!FindInMap [Sizes, !Ref Stage, memory]", "128"),
        ("!FindInMap [Sizes, !Ref AWS::Region, memory]", "256"),
        ("!FindInMap [Sizes, no, memory, {DefaultValue: 7}]", "7"),
        ("!Select [1, !FindInMap [Sizes, dev, list]]", "y"),
        ("{Fn::Base64: !Sub '${Stage}'}", "ZGV2"),
        ("!Select [1, !Cidr [10.0.0.0/16, 2, 8]]", "10.0.1.0/24"),
        ("!ImportValue shared-arn", "{{unresolved:ImportValue:shared-arn}}"),
        ("!ImportValue {Fn::Sub: '${Stage}-x'}", "{{unresolved:ImportValue:dev-x}}"),
        ("!Sub 'a-{{resolve:ssm:/x}}'", "a-{{resolve:ssm:/x}}"),
        ("'{{resolve:secretsmanager:k:SecretString:p}}'", "{{resolve:secretsmanager:k:SecretString:p}}"),
        ("!Transform {Name: Upper, Parameters: {}}", "{{unresolved:Transform}}"),
        ("!ToJsonString {a: !Ref Stage}", '{"a": "dev"}'),
        ("2012-10-17", "2012-10-17"),
        ("012345678901", "012345678901"),
        ("1.5", "1.5"),
        ("no", "false"),
        ("~", ""),
    ],
)
def test_a_value_is_what_cloudformation_makes_of_it(variables: Variables, written: str, value: str) -> None:
    assert variables(f"V: {written}", STORES)["V"] == value


def test_no_value_takes_its_variable_away(variables: Variables) -> None:
    assert variables("A: !Ref AWS::NoValue\nB: !If [IsProd, x, !Ref AWS::NoValue]\nC: c", STORES) == {
        "C": "c"
    }


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("!Select [3, !Ref Zones]", "asks for `3` of a list of 3"),
        ("!Select [x, !Ref Zones]", "asks for `x`"),
        ("!Select [0]", "takes a list of 2 values"),
        ("!Join [',', abc]", "needs a list here"),
        ("!Join [',', [[a]]]", "must be text, not a list"),
        ("!Split ['', abc]", "is empty"),
        ("!FindInMap [Sizes, none, memory]", "`Mappings` has no `Sizes.none.memory`"),
        ("!If [Missing, a, b]", "there is no condition `Missing`"),
        ("!If [IsDevv, a, b]", "did you mean `IsDev`?"),
        ("!GetAtt Bucket", "a logical id and an attribute"),
        ("!Ref AWS::Regoin", "did you mean `AWS::Region`?"),
        ("!Sub [a]", "takes a list of 2 values"),
        ("!Sub ['${A}', [a]]", "must be a mapping"),
        ("!Cidr [nonsense, 1, 8]", "an address block"),
        ("[a]", "must be text, not a list"),
        ("{a: b}", "must be text, not a mapping"),
    ],
)
def test_a_wrong_use_is_told_with_its_place(variables: Variables, written: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        variables(f"V: {written}", STORES)
    assert words in caught.value.problem or words in caught.value.remedy
    assert str(caught.value).startswith("template.yaml:10:")


def test_what_does_not_exist_stays_visible_and_is_warned_of_with_the_nearest_name(
    read: Callable[..., Stack],
) -> None:
    stack = read("""
        Resources:
          Queue: {Type: AWS::SQS::Queue}
          F:
            Type: AWS::Serverless::Function
            Properties:
              InlineCode: x
              Environment: {Variables: {A: !Ref Queu, B: !GetAtt Queue.Nothing, C: !GetAtt Gone.Arn}}
        """)
    assert stack.functions["F"].environment == {
        "A": "{{unresolved:Ref:Queu}}",
        "B": "{{unresolved:GetAtt:Queue.Nothing}}",
        "C": "{{unresolved:GetAtt:Gone.Arn}}",
    }
    assert any("did you mean `Queue`?" in w for w in stack.warnings)


@pytest.mark.parametrize(
    "circle",
    [
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref A}}",
        "  A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${B}'}}\n"
        "  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !GetAtt A.Arn}}",
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !FindInMap [A, b, c]}}\n"
        "Mappings: {A: {b: {c: !FindInMap [A, b, c]}}}",
        "Conditions: {A: !Condition B, B: !Not [!Condition A]}",
    ],
)
def test_a_circle_is_refused(variables: Variables, circle: str) -> None:
    with pytest.raises(Invalid, match="depends on itself"):
        variables("V: !If [A, !Ref A, x]" if circle.startswith("Cond") else "V: !Ref A", circle)


def test_a_text_that_doubles_at_every_step_is_refused(variables: Variables) -> None:
    buckets = ["  B0: {Type: AWS::SQS::Queue, Properties: {QueueName: xxxxxxxxxxxxxxxx}}"]
    for n in range(1, 40):
        twice = f"${{B{n - 1}.QueueName}}${{B{n - 1}.QueueName}}"
        buckets.append(f"  B{n}: {{Type: AWS::SQS::Queue, Properties: {{QueueName: !Sub '{twice}'}}}}")
    with pytest.raises(Invalid, match="grows without end"):
        variables("V: !GetAtt B39.QueueName", "\n".join(buckets))


def test_an_endless_chain_of_references_is_refused(variables: Variables) -> None:
    chain = "\n".join(f"  C{n}: !Not [!Condition C{n + 1}]" for n in range(600))
    with pytest.raises(Invalid, match="too deeply"):
        variables("V: !If [C0, a, b]", f"Conditions:\n{chain}\n  C600: !Equals [a, a]\n")
