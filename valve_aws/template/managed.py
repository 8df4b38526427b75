"""What AWS's managed policies grant, as far as their names tell.

Knows the names that applications use (AWS managed policy reference). Does not know their documents: each
grants what its services allow, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LOGS: Final = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
NETWORK: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
SHARDS: Final = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
TRACES: Final = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
)

DURABLE: Final = ("lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState")

NAMED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "AdministratorAccess": ("*",),
        "PowerUserAccess": ("*",),
        "AWSLambdaBasicExecutionRole": LOGS,
        "AWSLambdaBasicDurableExecutionRolePolicy": (*LOGS, *DURABLE),
        "AWSLambdaVPCAccessExecutionRole": (*LOGS, *NETWORK),
        "AWSLambdaENIManagementAccess": NETWORK,
        "AWSLambdaSQSQueueExecutionRole": (
            *LOGS,
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
        ),
        "AWSLambdaDynamoDBExecutionRole": (*LOGS, *(f"dynamodb:{a}" for a in SHARDS)),
        "AWSLambdaInvocation-DynamoDB": ("lambda:InvokeFunction", *(f"dynamodb:{a}" for a in SHARDS)),
        "AWSLambdaKinesisExecutionRole": (
            *LOGS,
            *(f"kinesis:{a}" for a in (*SHARDS, "ListShards", "DescribeStreamSummary", "SubscribeToShard")),
        ),
        "AWSLambdaMSKExecutionRole": (
            *LOGS,
            *NETWORK,
            "kafka:DescribeCluster",
            "kafka:DescribeClusterV2",
            "kafka:GetBootstrapBrokers",
        ),
        "AWSLambdaExecute": ("logs:*", "s3:GetObject", "s3:PutObject"),
        "AWSLambdaRole": ("lambda:InvokeFunction",),
        "AWSLambda_FullAccess": (
            "lambda:*",
            "logs:*",
            "xray:*",
            "cloudwatch:*",
            "states:*",
            "kms:ListAliases",
            "tag:*",
        ),
        "AWSLambdaFullAccess": (
            "lambda:*",
            "logs:*",
            "s3:*",
            "dynamodb:*",
            "sqs:*",
            "sns:*",
            "kinesis:*",
            "events:*",
            "cloudwatch:*",
            "xray:*",
        ),
        "AWSXrayWriteOnlyAccess": TRACES,
        "AWSXRayDaemonWriteAccess": TRACES,
        "CloudWatchLambdaInsightsExecutionRolePolicy": LOGS,
        "CloudWatchAgentServerPolicy": (
            *LOGS,
            "logs:DescribeLogStreams",
            "logs:DescribeLogGroups",
            "cloudwatch:PutMetricData",
        ),
        "SecretsManagerReadWrite": ("secretsmanager:*",),
        "AWSKeyManagementServicePowerUser": ("kms:*",),
        "AmazonCognitoPowerUser": ("cognito-idp:*", "cognito-identity:*", "cognito-sync:*"),
        "AmazonAPIGatewayAdministrator": ("apigateway:*",),
        "AmazonAPIGatewayInvokeFullAccess": ("execute-api:Invoke", "execute-api:ManageConnections"),
        "AmazonAPIGatewayPushToCloudWatchLogs": ("logs:*",),
        "AmazonS3ObjectLambdaExecutionRolePolicy": (*LOGS, "s3-object-lambda:WriteGetObjectResponse"),
        "TranslateReadOnly": ("translate:*",),
        "ReadOnlyAccess": ("*:Get*", "*:List*", "*:Describe*", "*:BatchGet*", "*:Query", "*:Scan", "*:Head*"),
        "AWSStepFunctionsFullAccess": ("states:*",),
        "AWSCloudFormationFullAccess": ("cloudformation:*",),
    }
)
"""Name → actions, for those whose name alone does not tell."""

SERVICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "S3": ("s3",),
        "DynamoDB": ("dynamodb",),
        "DynamoDBStreams": ("dynamodb",),
        "SQS": ("sqs",),
        "SNS": ("sns",),
        "SES": ("ses",),
        "Kinesis": ("kinesis",),
        "KinesisFirehose": ("firehose",),
        "EventBridge": ("events",),
        "CloudWatchEvents": ("events",),
        "CloudWatchLogs": ("logs",),
        "CloudWatch": ("cloudwatch", "logs"),
        "SSM": ("ssm",),
        "StepFunctions": ("states",),
        "Athena": ("athena", "s3", "glue"),
        "Rekognition": ("rekognition",),
        "Textract": ("textract",),
        "Polly": ("polly",),
        "Transcribe": ("transcribe",),
        "Comprehend": ("comprehend",),
        "Translate": ("translate",),
        "Bedrock": ("bedrock",),
        "EC2": ("ec2",),
        "RDS": ("rds",),
        "RDSData": ("rds-data",),
        "Route53": ("route53",),
        "VPC": ("ec2",),
        "ECS": ("ecs",),
        "Cognito": ("cognito-idp", "cognito-identity"),
        "IAM": ("iam",),
        "APIGateway": ("apigateway",),
        "ElastiCache": ("elasticache",),
        "OpenSearchService": ("es",),
        "OpenSearchIngestion": ("osis",),
        "MSK": ("kafka",),
        "Timestream": ("timestream",),
        "MQ": ("mq",),
        "Glue": ("glue",),
        "SageMaker": ("sagemaker",),
        "IoT": ("iot",),
        "Xray": ("xray",),
        "Kendra": ("kendra",),
        "Location": ("geo",),
    }
)

VERBS: Final = (
    (re.compile(r"(FullAccess|PowerUser|ReadWrite|DataFullAccess)$"), ("*",)),
    (
        re.compile(r"Read(?:Only)?(?:Access)?$"),
        (
            "Get*",
            "List*",
            "Describe*",
            "BatchGet*",
            "Query",
            "Scan",
            "Head*",
            "Select*",
            "PartiQLSelect",
            "Detect*",
            "Search*",
            "Lookup*",
            "Receive*",
        ),
    ),
)

PREFIX: Final = re.compile(r"^(?:Amazon|AWS)(?:_|Lambda_)?")


def actions(name: str) -> tuple[str, ...] | None:
    """Return the action patterns of a managed policy by its name or ARN; None when it is not known."""
    last = name.rsplit("/", 1)[-1]
    if last in NAMED:
        return NAMED[last]
    bare = PREFIX.sub("", last)
    for pattern, verbs in VERBS:
        match = pattern.search(bare)
        services = SERVICES.get(bare[: match.start()].rstrip("_")) if match else None
        if services:
            return tuple(f"{service}:{verb}" for service in services for verb in verbs)
    return None
