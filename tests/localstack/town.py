"""A town of functions in a LocalStack that runs them through us: what each waits for, and what it passes on.

Knows how they are deployed, by the operator's own calls. Does not know what a test asks of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.localstack.conftest import LocalStack

HERE = Path(__file__).parent
ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/front"
PATIENCE = 15
"""Seconds, within SQS's longest wait for a message."""


@dataclass
class Town:
    """Everything that is deployed. `version` is the runtime of LocalStack's own Python, which runs them."""

    localstack: LocalStack
    runtime: str
    policy: Path
    reported: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    sources: Path = HERE / "functions"

    def __post_init__(self) -> None:
        audit = self.policy.parent / ".valve" / "audit.jsonl"
        audit.parent.mkdir(exist_ok=True)
        audit.touch()
        self._audit = audit.open(encoding="utf-8")
        self._audit.seek(0, io.SEEK_END)

    def client(self, service: str) -> Any:
        return self.localstack.client(service)

    # Deploying

    def function(self, name: str, source: str, **more: Any) -> str:
        """Make a function and return its ARN."""
        more = {"Timeout": 20, "MemorySize": 256, "Role": ROLE, **more}
        code = packed({"app.py": (self.sources / f"{source}.py").read_text()})
        made = self.client("lambda").create_function(
            FunctionName=name, Runtime=self.runtime, Handler="app.handler", Code={"ZipFile": code}, **more
        )
        self.active(name)
        return str(made["FunctionArn"])

    def active(self, name: str) -> None:
        """Wait until a function can be invoked as it is now. Why not the client's waiter: it looks once a
        second."""
        while True:
            state = self.client("lambda").get_function(FunctionName=name)["Configuration"]
            if state["State"] != "Pending" and state.get("LastUpdateStatus") != "InProgress":
                break
            time.sleep(0.05)
        assert state["State"] == "Active", state

    def queue(self, name: str, **attributes: str) -> str:
        """Make a queue and return its ARN."""
        self.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def machine(self, name: str, function: str) -> str:
        """Make a state machine that runs a function with its own input, and return its ARN."""
        steps = {"StartAt": "Run", "States": {"Run": {"Type": "Task", "Resource": function, "End": True}}}
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(steps), roleArn=ROLE
        )
        return str(made["stateMachineArn"])

    def mode(self, mode: str) -> None:
        """Have functions run under the policy in this mode from now on."""
        self.policy.write_text((HERE / "front.yaml").read_text() + f"mode: {mode}\n")

    # Asking

    def invoke(self, name: str, event: Mapping[str, Any], **more: Any) -> tuple[Any, dict[str, Any]]:
        """Invoke for the operator; return (result, the answer)."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **more)
        text = answer["Payload"].read()
        return json.loads(text) if text else None, answer

    def received(self, queue: str, wait: int = 0) -> Iterator[dict[str, Any]]:
        """Take away and yield what is in a queue."""
        url = f"{self.localstack.url}/{ACCOUNT}/{queue}"
        sqs = self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])
            wait = 0

    def awaited(self, queue: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the message of a queue that fits; others are kept for whoever asks for them."""
        kept = self.reported.setdefault(queue, [])
        ends = time.monotonic() + PATIENCE
        while True:
            for message in kept:
                if fits(message):
                    kept.remove(message)
                    return message
            left = ends - time.monotonic()
            assert left > 0, f"{queue} has no such message, but {kept}"
            kept.extend(self.received(queue, max(1, int(left))))

    def report(self, function: str, case: str) -> dict[str, Any]:
        """Wait for what a function has told about a case."""
        return self.awaited("front-reports", lambda m: m["function"] == function and case in json.dumps(m))

    def arrived(self, queue: str, text: str) -> bool:
        """Say whether anything with a text in it has come to a queue."""
        kept = self.reported.setdefault(queue, [])
        kept.extend(self.received(queue))
        return any(text in json.dumps(message) for message in kept)

    def passed_on(self, case: str) -> bool:
        """Say whether anything about a case has come to where nothing labelled may go."""
        return self.arrived("front-public", case)

    def refused(self, function: str, operation: str) -> dict[str, Any]:
        """Wait for the next record of a refusal that nobody has asked for yet."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            self.records.extend(json.loads(line) for line in self._audit)
            for record in self.records:
                ours = record["valve"]
                if (record["eventName"], ours["function"], ours["verdict"]) == (
                    operation,
                    function,
                    "refuse",
                ):
                    self.records.remove(record)
                    return record
            time.sleep(0.05)  # Why: a file tells nobody that it has grown
        raise AssertionError(f"no refused {operation} of {function}")

    def logged_by_localstack(self, text: str) -> None:
        """Wait until LocalStack's own log has a text."""
        log, ends = self.policy.parent / "log", time.monotonic() + PATIENCE
        while text not in log.read_text("utf-8", "replace"):
            assert time.monotonic() < ends, f"LocalStack has not said {text}"
            time.sleep(0.05)  # Why: a file tells nobody that it has grown

    def logged(self, group: str, text: str) -> str:
        """Wait until a text is in a log group, and return all that is there."""
        ends, lines = time.monotonic() + PATIENCE, ""
        logs = self.client("logs")
        while text not in lines and time.monotonic() < ends:
            with contextlib.suppress(logs.exceptions.ResourceNotFoundException):  # of the group, at first
                events = logs.filter_log_events(logGroupName=group)["events"]
                lines = "".join(event["message"] for event in events)
        assert text in lines, lines
        return lines


def built(localstack: LocalStack, policy: Path) -> Town:
    """Deploy everything."""
    asked = "import sys; print(f'python{sys.version_info[0]}.{sys.version_info[1]}')"
    runtime = subprocess.run(
        [localstack.python, "-c", asked], capture_output=True, text=True, check=True
    ).stdout.strip()
    town = Town(localstack, runtime, policy)
    town.mode("audit")
    s3, functions, dynamodb, sns = (town.client(s) for s in ("s3", "lambda", "dynamodb", "sns"))
    for bucket in ("front-people", "front-drop", "front-plain"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="front-people", Key="alice", Body=b"alice@example.org")
    for queue in ("public", "reports", "successes", "failures", "letters"):
        town.queue(f"front-{queue}")
    dead = json.dumps({"deadLetterTargetArn": town.queue("front-dead"), "maxReceiveCount": 1})
    town.queue("front-partial", VisibilityTimeout="4", RedrivePolicy=dead)
    town.function("FrontSender", "sender")
    town.function("FrontLearner", "learner")
    town.function("FrontPartial", "receiver")
    town.function("FrontAsync", "learner")
    letters = {"TargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:front-letters"}
    town.function("FrontBuried", "learner", DeadLetterConfig=letters)
    functions.put_function_event_invoke_config(
        FunctionName="FrontAsync",
        MaximumRetryAttempts=1,
        DestinationConfig={
            "OnSuccess": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:front-successes"},
            "OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:front-failures"},
        },
    )
    functions.put_function_event_invoke_config(FunctionName="FrontBuried", MaximumRetryAttempts=0)
    receivers = (
        "FrontDrop",
        "FrontNews",
        "FrontBus",
        "FrontMachine",
        "FrontNext",
        "FrontInbox",
        "FrontOrders",
        "FrontCalled",
    )
    drop, news, bus, machine, after, *_ = (town.function(name, "receiver") for name in receivers)
    s3.put_bucket_notification_configuration(
        Bucket="front-drop",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": drop, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    inbox = town.queue("front-inbox")
    functions.create_event_source_mapping(FunctionName="FrontInbox", EventSourceArn=inbox)
    topic = sns.create_topic(Name="front-news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=news)
    table = dynamodb.create_table(
        TableName="front-orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    functions.create_event_source_mapping(
        FunctionName="FrontOrders", EventSourceArn=table["LatestStreamArn"], StartingPosition="TRIM_HORIZON"
    )
    events = town.client("events")
    events.create_event_bus(Name="front-bus")
    rule = {"Name": "front-rule", "EventBusName": "front-bus"}
    events.put_rule(**rule, EventPattern=json.dumps({"source": ["front"]}))
    # Why the detail alone: then the function's event is wholly what was put there.
    target = {"Id": "1", "Arn": bus, "InputPath": "$.detail"}
    events.put_targets(Rule="front-rule", EventBusName="front-bus", Targets=[target])
    town.machine("front-machine", machine)
    town.function("FrontThen", "learner")
    functions.put_function_event_invoke_config(
        FunctionName="FrontThen", DestinationConfig={"OnSuccess": {"Destination": after}}
    )
    return town


def packed(files: Mapping[str, str]) -> bytes:
    """Return a deployment package."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()
