"""CloudFormation's resource types: how each is named, what `Ref` and `Fn::GetAtt` give, and its ARN.

Knows one row for each type (CloudFormation template reference, return values). Does not know any template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type. Texts are formats over: n name, t the name without a leading slash, a account,
    r region, p partition, u URL suffix, i ten characters and d a UUID made of the logical id, arn the ARN.
    """

    named: tuple[str, ...] = ()
    """Properties that hold the name, the first that is written."""
    limit: int = 64
    arn: str = ""
    ref: str = "{n}"
    attributes: Mapping[str, str] = field(default_factory=lambda: NONE)
    data: bool = False
    """It holds or passes on content: a store in the sense of the policy."""
    fifo: str = ""
    """The property that makes its name end in `.fifo`."""
    generated: str = ""
    """The name where AWS makes one up that is not built from the logical id."""


ARN: Final = MappingProxyType({"Arn": "{arn}"})

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "AWS::S3::Bucket": Kind(
            ("BucketName",),
            63,
            "arn:{p}:s3:::{n}",
            "{n}",
            {
                "Arn": "{arn}",
                "DomainName": "{n}.s3.{u}",
                "RegionalDomainName": "{n}.s3.{r}.{u}",
                "DualStackDomainName": "{n}.s3.dualstack.{r}.{u}",
                "WebsiteURL": "http://{n}.s3-website-{r}.{u}",
            },
            True,
        ),
        "AWS::SQS::Queue": Kind(
            ("QueueName",),
            80,
            "arn:{p}:sqs:{r}:{a}:{n}",
            "https://sqs.{r}.{u}/{a}/{n}",
            {"Arn": "{arn}", "QueueName": "{n}", "QueueUrl": "https://sqs.{r}.{u}/{a}/{n}"},
            True,
            "FifoQueue",
        ),
        "AWS::DynamoDB::Table": Kind(
            ("TableName",),
            255,
            "arn:{p}:dynamodb:{r}:{a}:table/{n}",
            "{n}",
            {"Arn": "{arn}", "StreamArn": "{arn}/stream/2000-01-01T00:00:00.000", "TableId": "{d}"},
            True,
        ),
        "AWS::DynamoDB::GlobalTable": Kind(
            ("TableName",),
            255,
            "arn:{p}:dynamodb:{r}:{a}:table/{n}",
            "{n}",
            {"Arn": "{arn}", "StreamArn": "{arn}/stream/2000-01-01T00:00:00.000", "TableId": "{d}"},
            True,
        ),
        "AWS::SNS::Topic": Kind(
            ("TopicName",),
            256,
            "arn:{p}:sns:{r}:{a}:{n}",
            "{arn}",
            {"Arn": "{arn}", "TopicArn": "{arn}", "TopicName": "{n}"},
            True,
            "FifoTopic",
        ),
        "AWS::Kinesis::Stream": Kind(("Name",), 128, "arn:{p}:kinesis:{r}:{a}:stream/{n}", "{n}", ARN, True),
        "AWS::Kinesis::StreamConsumer": Kind(
            ("ConsumerName",),
            128,
            "arn:{p}:kinesis:{r}:{a}:stream/{n}/consumer/{n}:1",
            "{arn}",
            {"ConsumerARN": "{arn}", "ConsumerName": "{n}"},
        ),
        "AWS::KinesisFirehose::DeliveryStream": Kind(
            ("DeliveryStreamName",), 64, "arn:{p}:firehose:{r}:{a}:deliverystream/{n}", "{n}", ARN, True
        ),
        "AWS::Events::EventBus": Kind(
            ("Name",),
            256,
            "arn:{p}:events:{r}:{a}:event-bus/{n}",
            "{n}",
            {"Arn": "{arn}", "Name": "{n}"},
            True,
        ),
        "AWS::Events::Rule": Kind(("Name",), 64, "arn:{p}:events:{r}:{a}:rule/{n}", "{n}", ARN),
        "AWS::Events::Connection": Kind(
            ("Name",),
            64,
            "arn:{p}:events:{r}:{a}:connection/{n}/{d}",
            "{n}",
            {"Arn": "{arn}", "SecretArn": "arn:{p}:secretsmanager:{r}:{a}:secret:events!connection/{n}/{d}"},
        ),
        "AWS::Events::ApiDestination": Kind(
            ("Name",), 64, "arn:{p}:events:{r}:{a}:api-destination/{n}/{d}", "{n}", ARN
        ),
        "AWS::Events::Archive": Kind(("ArchiveName",), 48, "arn:{p}:events:{r}:{a}:archive/{n}", "{n}", ARN),
        "AWS::Scheduler::Schedule": Kind(
            ("Name",), 64, "arn:{p}:scheduler:{r}:{a}:schedule/default/{n}", "{n}", ARN
        ),
        "AWS::Scheduler::ScheduleGroup": Kind(
            ("Name",), 64, "arn:{p}:scheduler:{r}:{a}:schedule-group/{n}", "{n}", ARN
        ),
        "AWS::Pipes::Pipe": Kind(("Name",), 64, "arn:{p}:pipes:{r}:{a}:pipe/{n}", "{n}", ARN),
        "AWS::StepFunctions::StateMachine": Kind(
            ("StateMachineName", "Name"),
            80,
            "arn:{p}:states:{r}:{a}:stateMachine:{n}",
            "{arn}",
            {"Arn": "{arn}", "Name": "{n}", "StateMachineRevisionId": "{d}"},
            True,
        ),
        "AWS::StepFunctions::Activity": Kind(
            ("Name",),
            80,
            "arn:{p}:states:{r}:{a}:activity:{n}",
            "{arn}",
            {"Arn": "{arn}", "Name": "{n}"},
            True,
        ),
        # The six characters that AWS appends to a secret's ARN are known only once it exists; without them it
        # is a partial ARN, which every operation takes.
        "AWS::SecretsManager::Secret": Kind(
            ("Name",),
            512,
            "arn:{p}:secretsmanager:{r}:{a}:secret:{n}",
            "{arn}",
            {"Id": "{arn}", "Arn": "{arn}"},
            True,
        ),
        "AWS::SSM::Parameter": Kind(("Name",), 1011, "arn:{p}:ssm:{r}:{a}:parameter/{t}", "{n}", {}, True),
        "AWS::Logs::LogGroup": Kind(
            ("LogGroupName",), 512, "arn:{p}:logs:{r}:{a}:log-group:{n}", "{n}", {"Arn": "{arn}:*"}, True
        ),
        "AWS::KMS::Key": Kind(
            (),
            64,
            "arn:{p}:kms:{r}:{a}:key/{d}",
            "{d}",
            {"Arn": "{arn}", "KeyId": "{d}"},
            True,
            generated="{d}",
        ),
        "AWS::KMS::Alias": Kind(("AliasName",), 256, "arn:{p}:kms:{r}:{a}:{n}", "{n}"),
        "AWS::Lambda::Function": Kind(
            ("FunctionName",),
            64,
            "arn:{p}:lambda:{r}:{a}:function:{n}",
            "{n}",
            {"Arn": "{arn}", "Name": "{n}", "Version": "$LATEST"},
            True,
        ),
        "AWS::Lambda::LayerVersion": Kind(
            ("LayerName",),
            140,
            "arn:{p}:lambda:{r}:{a}:layer:{n}:1",
            "{arn}",
            {"LayerVersionArn": "{arn}", "Arn": "{arn}", "LayerArn": "arn:{p}:lambda:{r}:{a}:layer:{n}"},
        ),
        "AWS::Lambda::Url": Kind(ref="{n}", attributes={"FunctionUrl": "https://{i}.lambda-url.{r}.on.aws/"}),
        "AWS::ApiGateway::Authorizer": Kind(),
        "AWS::ApiGateway::Deployment": Kind(),
        "AWS::ApiGateway::Resource": Kind(attributes={"ResourceId": "{n}"}),
        "AWS::ApiGateway::Stage": Kind(("StageName",), 128),
        "AWS::ApiGatewayV2::Authorizer": Kind(attributes={"AuthorizerId": "{n}"}),
        "AWS::ApiGatewayV2::Integration": Kind(attributes={"IntegrationId": "{n}"}),
        "AWS::ApiGatewayV2::Route": Kind(),
        "AWS::ApiGatewayV2::Stage": Kind(("StageName",), 128),
        "AWS::ApiGateway::RestApi": Kind(
            ("Name",),
            128,
            "arn:{p}:execute-api:{r}:{a}:{i}",
            "{i}",
            {"RootResourceId": "{i}", "RestApiId": "{i}"},
            True,
        ),
        "AWS::ApiGatewayV2::Api": Kind(
            ("Name",),
            128,
            "arn:{p}:execute-api:{r}:{a}:{i}",
            "{i}",
            {"ApiEndpoint": "https://{i}.execute-api.{r}.{u}", "ApiId": "{i}"},
            True,
        ),
        "AWS::AppSync::GraphQLApi": Kind(
            ("Name",),
            128,
            "arn:{p}:appsync:{r}:{a}:apis/{i}",
            "{arn}",
            {"Arn": "{arn}", "ApiId": "{i}", "GraphQLUrl": "https://{i}.appsync-api.{r}.{u}/graphql"},
            True,
        ),
        "AWS::Cognito::UserPool": Kind(
            ("UserPoolName",),
            128,
            "arn:{p}:cognito-idp:{r}:{a}:userpool/{r}_{i}",
            "{r}_{i}",
            {
                "Arn": "{arn}",
                "UserPoolId": "{r}_{i}",
                "ProviderName": "cognito-idp.{r}.{u}/{r}_{i}",
                "ProviderURL": "https://cognito-idp.{r}.{u}/{r}_{i}",
            },
        ),
        "AWS::Cognito::UserPoolClient": Kind(
            ("ClientName",), 128, "", "{i}", {"ClientId": "{i}", "Name": "{n}"}
        ),
        "AWS::Cognito::IdentityPool": Kind(("IdentityPoolName",), 128, "", "{r}:{d}", {"Name": "{n}"}),
        "AWS::IAM::Role": Kind(
            ("RoleName",), 64, "arn:{p}:iam::{a}:role/{n}", "{n}", {"Arn": "{arn}", "RoleId": "AROA{i}"}
        ),
        "AWS::IAM::ManagedPolicy": Kind(
            ("ManagedPolicyName",), 128, "arn:{p}:iam::{a}:policy/{n}", "{arn}", {"PolicyArn": "{arn}"}
        ),
        "AWS::IAM::Policy": Kind(("PolicyName",), 128),
        "AWS::IAM::User": Kind(("UserName",), 64, "arn:{p}:iam::{a}:user/{n}", "{n}", ARN),
        "AWS::CloudFormation::Stack": Kind((), 128, "arn:{p}:cloudformation:{r}:{a}:stack/{n}/{d}", "{arn}"),
    }
)

SAM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AWS::Serverless::Function": "AWS::Lambda::Function",
        "AWS::Serverless::Api": "AWS::ApiGateway::RestApi",
        "AWS::Serverless::HttpApi": "AWS::ApiGatewayV2::Api",
        "AWS::Serverless::WebSocketApi": "AWS::ApiGatewayV2::Api",
        "AWS::Serverless::SimpleTable": "AWS::DynamoDB::Table",
        "AWS::Serverless::StateMachine": "AWS::StepFunctions::StateMachine",
        "AWS::Serverless::LayerVersion": "AWS::Lambda::LayerVersion",
        "AWS::Serverless::Application": "AWS::CloudFormation::Stack",
        "AWS::Serverless::GraphQLApi": "AWS::AppSync::GraphQLApi",
        "AWS::Serverless::Connector": "AWS::Serverless::Connector",
    }
)
"""SAM's types (SAM specification) and what each becomes."""

WIRING: Final = frozenset(
    {
        "AWS::ApiGateway",
        "AWS::ApiGatewayV2",
        "AWS::CloudWatch",
        "AWS::EventSchemas",
        "AWS::IAM",
        "AWS::Lambda",
        "AWS::Logs",
        "AWS::Pipes",
        "AWS::S3",
        "AWS::SNS",
        "AWS::SQS",
        "AWS::Scheduler",
        "AWS::Serverless",
        "AWS::Events",
        "AWS::Cognito",
        "AWS::SecretsManager",
        "AWS::CloudFormation",
        "AWS::AppSync",
        "AWS::KMS",
        "AWS::StepFunctions",
    }
)
"""Services whose other types (policies, permissions, stages) are read where they matter, without a word."""

NOTHING: Final = Kind()
"""A type without a row: it has a name and no attribute that could be known."""


def plain(kind: str) -> str:
    """Return the CloudFormation type that a SAM type becomes; any other stays."""
    return SAM.get(kind, kind)


def row(kind: str) -> Kind:
    """Return the row of a type, SAM or not."""
    return KINDS.get(plain(kind), NOTHING)


def known(kind: str) -> bool:
    """Say whether a type is understood, or known not to matter."""
    if kind == "AWS::CloudFormation::CustomResource":
        return False
    return plain(kind) in KINDS or "::".join(kind.split("::")[:2]) in WIRING
