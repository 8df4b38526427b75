"""LocalStack's DynamoDB, its streams and Kinesis, answered by the moto that LocalStack carries.

Knows LocalStack's provider plugins. Does not know the valve.

Why: LocalStack's own providers fetch DynamoDB Local, a jar that may not be passed on, and a Kinesis server
when they are first used; where there is no network, every call fails after a minute.
"""

from __future__ import annotations

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    from localstack.aws.api.dynamodb import DynamodbApi

    return _by_moto(DynamodbApi())


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Service:
    from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi

    return _by_moto(DynamodbstreamsApi())


@aws_provider(api="kinesis", name="moto")
def kinesis() -> Service:
    from localstack.aws.api.kinesis import KinesisApi

    return _by_moto(KinesisApi())


def _by_moto(provider: object) -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    return Service.for_provider(provider, dispatch_table_factory=MotoFallbackDispatcher)
