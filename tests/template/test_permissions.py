"""What a function's role grants."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent

import pytest

from valve_aws.model.source import Invalid
from valve_aws.model.stack import Stack, Statement

Read = Callable[..., Stack]

REST = """
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: photos}}
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: items}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
"""


def granted(read: Read, written: str, rest: str = REST) -> tuple[Statement, ...]:
    stack = read(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      InlineCode: x\n"
        + indent(written, "      ")
        + "\n"
        + rest
    )
    return stack.functions["F"].statements


def test_sam_grants_its_logs_to_every_function(read: Read) -> None:
    (only,) = granted(read, "Runtime: python3.12")
    assert only.why == "AWSLambdaBasicExecutionRole"
    assert "logs:PutLogEvents" in only.actions


def test_a_policy_template_is_filled_and_knows_its_place(read: Read) -> None:
    _, s = granted(read, "Policies:\n  - S3ReadPolicy: {BucketName: !Ref Bucket}")
    assert s.resources == ("arn:aws:s3:::photos", "arn:aws:s3:::photos/*")
    assert "s3:GetObject" in s.actions
    assert (s.why, s.loose, s.where.line) == ("S3ReadPolicy", False, 7)


def test_a_document_may_be_json_in_a_text(read: Read) -> None:
    text = '{"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::${Bucket}/*"}]}'
    role = """
  Role:
    Type: AWS::IAM::Role
    Properties: {Policies: [{PolicyName: p, PolicyDocument: !Sub '%s'}]}
"""
    (only,) = granted(read, "Role: !GetAtt Role.Arn", REST + role % text)
    assert (only.actions, only.resources) == (("s3:Get*",), ("arn:aws:s3:::photos/*",))
    with pytest.raises(Invalid, match="a policy document is not JSON"):
        granted(read, "Role: !GetAtt Role.Arn", REST + role % text[:-1])


def test_policies_may_be_one_name_one_document_or_a_list_of_all_kinds(read: Read) -> None:
    assert granted(read, "Policies: AmazonS3ReadOnlyAccess")[1].why == "AmazonS3ReadOnlyAccess"
    one = granted(
        read, "Policies: {Statement: {Effect: Deny, NotAction: 's3:Get*', NotResource: 'arn:aws:s3:::a'}}"
    )[1]
    assert (one.allow, one.not_actions, one.not_resources, one.actions) == (
        False,
        ("s3:Get*",),
        ("arn:aws:s3:::a",),
        (),
    )
    many = granted(
        read,
        """
Policies:
  - arn:aws:iam::aws:policy/service-role/AWSLambdaRole
  - DynamoDBCrudPolicy: {TableName: !Ref Table}
    SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}
  - Version: 2012-10-17
    Statement:
      - {Effect: Allow, Action: [ses:SendEmail], Resource: '*'}
  - !If [Never, AmazonS3FullAccess, !Ref AWS::NoValue]
""",
        REST + "Conditions: {Never: !Equals [a, b]}",
    )
    assert [s.why for s in many[1:]] == [
        "AWSLambdaRole",
        "DynamoDBCrudPolicy",
        "SQSSendMessagePolicy",
        "inline",
    ]
    assert many[2].resources[0] == "arn:aws:dynamodb:eu-west-1:123456789012:table/items"
    assert many[3].resources == ("arn:aws:sqs:eu-west-1:123456789012:jobs",)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("AmazonS3FullAccess", "s3:*"),
        ("AmazonDynamoDBFullAccess", "dynamodb:*"),
        ("AmazonSQSFullAccess", "sqs:*"),
        ("AmazonDynamoDBReadOnlyAccess", "dynamodb:Query"),
        ("AmazonS3ReadOnlyAccess", "s3:Get*"),
        ("AWSLambda_FullAccess", "lambda:*"),
        ("AdministratorAccess", "*"),
        ("SecretsManagerReadWrite", "secretsmanager:*"),
        ("arn:aws:iam::aws:policy/AmazonSNSFullAccess", "sns:*"),
    ],
)
def test_a_managed_policy_grants_what_its_services_allow_and_says_so(
    read: Read, name: str, action: str
) -> None:
    s = granted(read, f"Policies: {name}")[1]
    assert action in s.actions
    assert s.loose
    assert "s3:*" not in s.actions or "S3" in name


def test_a_managed_policy_that_is_not_known_is_everything_and_is_warned_of(read: Read) -> None:
    stack = read(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, "
        "Policies: ['arn:aws:iam::111122223333:policy/AmazonS3FullAccess']}}}"
    )
    assert stack.functions["F"].statements[1].actions == ("*",)
    assert stack.functions["F"].statements[1].loose
    assert any("taken as everything" in w for w in stack.warnings)


def test_a_policy_template_that_does_not_exist_grants_nothing_and_is_warned_of(read: Read) -> None:
    assert len(granted(read, "Policies: [{S3EverythingPolicy: {}}]")) == 1


def test_a_condition_and_an_open_resource_make_a_statement_loose(read: Read) -> None:
    (_, a, b, c) = granted(
        read,
        """
Policies:
  - Statement:
      - {Effect: Allow, Action: 's3:*', Resource: 'arn:aws:s3:::a', Condition: {Bool: {x: true}}}
      - {Effect: Allow, Action: 's3:*', Resource: !Sub ['arn:aws:s3:::${B}/*', {B: !ImportValue b}]}
      - {Effect: Allow, Action: 's3:*', Resource: !GetAtt Bucket.Arn}
""",
    )
    assert (a.loose, b.loose, c.loose) == (True, True, False)
    assert b.resources == ("arn:aws:s3:::*/*",)


def test_an_open_part_that_exempts_never_widens(read: Read) -> None:
    (_, allow, deny) = granted(
        read,
        """
Policies:
  - Statement:
      - {Effect: Allow, Action: 's3:*', NotResource: !ImportValue b}
      - {Effect: Deny, Action: 's3:*', NotResource: [!ImportValue b, 'arn:aws:s3:::c']}
""",
    )
    assert allow.not_resources == ("*",)
    assert deny.not_resources == ("arn:aws:s3:::c",)


ROLE = (
    REST
    + """
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole, !Ref Own]
      Policies:
        - PolicyName: inline
          PolicyDocument:
            Statement: [{Effect: Allow, Action: 'sqs:SendMessage', Resource: !GetAtt Queue.Arn}]
  Own:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Statement: {Effect: Allow, Action: 'dynamodb:GetItem', Resource: !GetAtt Table.Arn}}
  Attached:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: more
      Roles: [!Ref Role]
      PolicyDocument: {Statement: {Effect: Allow, Action: 's3:GetObject', Resource: !Sub '${Bucket.Arn}/*'}}
"""
)


def test_a_role_of_the_template_brings_inline_managed_and_attached_policies_and_sam_s_are_ignored(
    read: Read,
) -> None:
    found = granted(read, "Role: !GetAtt Role.Arn\nPolicies: AmazonS3FullAccess", ROLE)
    assert {a for s in found for a in s.actions} == {
        "sqs:SendMessage",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "dynamodb:GetItem",
        "s3:GetObject",
    }


def test_a_role_from_elsewhere_is_not_known(read: Read) -> None:
    stack = read(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, "
        "Role: 'arn:aws:iam::123456789012:role/theirs'}}}"
    )
    assert stack.functions["F"].unmanaged_role
    assert stack.functions["F"].statements == ()


def test_connectors_of_both_kinds_grant_reading_and_writing(read: Read) -> None:
    stack = read("""
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties: {InlineCode: x}
            Connectors:
              ToTable: {Properties: {Destination: {Id: Table}, Permissions: [Read]}}
          Table: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: items}}
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: jobs}}
          C:
            Type: AWS::Serverless::Connector
            Properties: {Source: {Id: F}, Destination: [{Id: Queue}], Permissions: [Write]}
        """)
    found = [s for s in stack.functions["F"].statements if s.why.startswith("connector")]
    table, queue = (next(s for s in found if s.actions[0].startswith(p)) for p in ("dynamodb", "sqs"))
    assert "dynamodb:GetItem" in table.actions
    assert "dynamodb:PutItem" not in table.actions
    assert table.resources[0] == "arn:aws:dynamodb:eu-west-1:123456789012:table/items"
    assert "sqs:SendMessage" in queue.actions


def test_a_polled_source_is_granted_on_that_source_alone(read: Read) -> None:
    found = granted(read, "Events: {Q: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}}")
    polled = next(s for s in found if s.why == "polls Q")
    assert polled.resources == ("arn:aws:sqs:eu-west-1:123456789012:jobs",)
