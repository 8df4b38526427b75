"""The application that the design's example of a policy speaks of, and parts to build others from."""

from __future__ import annotations

from valve_aws.model.source import Where
from valve_aws.model.stack import Code, Delivery, Function, Resource, Stack, Statement, Trigger

REGION, ACCOUNT = "us-east-1", "123456789012"
HERE = f"{REGION}:{ACCOUNT}"

FORMS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{HERE}:{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{HERE}:{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{HERE}:table/{{}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{HERE}:secret:{{}}",
    "AWS::SSM::Parameter": f"arn:aws:ssm:{HERE}:parameter/{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{HERE}:stateMachine:{{}}",
    "AWS::IAM::Role": "",
}


def resource(logical: str, kind: str, line: int = 0, **properties: object) -> Resource:
    name = f"app-{logical.lower()}"
    return Resource(
        logical, kind, name, FORMS[kind].format(name), properties, Where("template.yaml", line, 3)
    )


def table(logical: str, *keys: str) -> Resource:
    return resource(
        logical,
        "AWS::DynamoDB::Table",
        AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
        KeySchema=[
            {"AttributeName": k, "KeyType": kind} for k, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
    )


def function(logical: str, *statements: Statement, **more: object) -> Function:
    arn = f"arn:aws:lambda:{HERE}:function:app-{logical.lower()}"
    return Function(
        logical,
        f"app-{logical.lower()}",
        arn,
        "app.handler",
        "python3.12",
        Code(inline=""),
        statements=statements,
        where=Where("template.yaml", 50, 3),
        **more,  # type: ignore[arg-type]  # of the test's own making
    )


def allow(
    actions: str, *resources: Resource | Function | str, why: str = "inline", loose: bool = False
) -> Statement:
    arns = [r if isinstance(r, str) else r.arn for r in resources]
    both = tuple(arn + tail for arn in arns for tail in ("", "/*") if arn != "*") or ("*",)
    return Statement(True, tuple(actions.split()), both, loose, why, Where("template.yaml", 60, 9))


def stack(*parts: Resource | Function, deliveries: tuple[Delivery, ...] = ()) -> Stack:
    return Stack(
        "app",
        ACCOUNT,
        REGION,
        {p.logical: p for p in parts if isinstance(p, Function)},
        {p.logical: p for p in parts if isinstance(p, Resource)},
        deliveries,
        file="template.yaml",
    )


def example() -> Stack:
    customers, orders = table("Customers", "id"), table("Orders", "pk", "sk")
    uploads, reports = resource("Uploads", "AWS::S3::Bucket"), resource("Reports", "AWS::S3::Bucket")
    analytics, jobs = resource("Analytics", "AWS::SQS::Queue"), resource("Jobs", "AWS::SQS::Queue")
    anonymise = function(
        "Anonymise", allow("dynamodb:GetItem", customers), allow("sqs:SendMessage", analytics)
    )
    return stack(
        *(customers, orders, uploads, reports, analytics, jobs),
        resource("Role", "AWS::IAM::Role"),
        function("Resize", allow("s3:*", uploads), triggers=(Trigger("Resize", "Up", "S3", uploads.arn),)),
        function("Explore", allow("dynamodb:Query", customers), allow("lambda:InvokeFunction", anonymise)),
        anonymise,
        function(
            "Checkout",
            allow("dynamodb:*", orders, customers),
            allow("sqs:SendMessage", jobs),
            triggers=(Trigger("Checkout", "Api", "Api"), Trigger("Checkout", "Admin", "HttpApi")),
        ),
        function(
            "Worker",
            allow("sqs:ReceiveMessage sqs:DeleteMessage", jobs),
            triggers=(Trigger("Worker", "Jobs", "SQS", jobs.arn),),
        ),
        function("Deploy", allow("s3:*", reports)),
    )


EXAMPLE = """\
version: 1
mode: enforce
labels:
  pii: {}
  card: {only-to: ["https://api.stripe.com/*"]}
stores:
  Customers: {attributes: {email: [pii/email]}}
  Orders:
    items: [{key: {pk: "{tenant}#{id}"}, holds: ["tenant/{tenant}"], accepts: ["tenant/{tenant}"]}]
  Uploads:   {objects: {"{tenant}/*": {holds: ["tenant/{tenant}"]}}}
  Analytics: {accepts: [], from: [Anonymise], sealed: true}
  "https://api.stripe.com/*": {accepts: [card], from: [Checkout]}
  "ses:to/{email}":           {accepts: ["user/{email}"]}
  "tcp://db.internal:5432":   {accepts: [pii]}
functions:
  Resize:    {clearance: []}
  Explore:   {clearance: all, writes: [], invokes: [Anonymise]}
  Anonymise: {may-remove: {pii: {into: [Analytics]}}}
events:
  Checkout.Api: {label: [card, "user/{requestContext.authorizer.claims.sub}"]}
results:
  Checkout.Api: {accepts: ["user/{requestContext.authorizer.claims.sub}"]}
  default: {accepts: []}
logs: {accepts: [], release: {orderId: "ORD-[0-9]{1,9}"}}
operations:
  "bedrock-runtime:InvokeModel": {writes: ["bedrock:model"], reveals: ["bedrock:model"]}
grant:
  - {functions: [Deploy], configure: [Reports], why: "sets the lifecycle"}
"""
