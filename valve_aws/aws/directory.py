"""Which services there are, by the names that show on the wire: signing name, host prefix, target prefix.

Knows how to find the candidates for a name. Does not know hosts, signatures or operations.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from valve_aws.aws import files
from valve_aws.aws.shapes import Service

COMMON = """
dynamodb dynamodb dynamodb DynamoDB_20120810
dynamodbstreams streams.dynamodb dynamodb DynamoDBStreams_20120810
events events events AWSEvents
firehose firehose firehose Firehose_20150804
iam iam iam -
kinesis kinesis kinesis Kinesis_20131202
kms kms kms TrentService
lambda lambda lambda -
logs logs logs Logs_20140328
s3 s3 s3 -
secretsmanager secretsmanager secretsmanager secretsmanager
sns sns sns -
sqs sqs sqs AmazonSQS
ssm ssm ssm AmazonSSM
stepfunctions states states AWSStepFunctions
sts sts sts -
"""
"""Service, endpoint prefix, signing name, target prefix: only names that one service alone has (but DynamoDB's), so that
the heads of all 424 models need not be read (150 ms) before the first call. A test holds it to botocore's own."""

SIGNING_ALIASES = {"s3express": "s3"}

PREFIX_ALIASES = {
    "ddb": "dynamodb", "streams-ddb": "streams.dynamodb", "queue": "sqs", "sync-states": "states",
    "streaming-logs": "logs", "email-smtp": "",
}
"""Host prefixes that no model lists: account-based DynamoDB names, the first SQS name, names with an operation's prefix."""

SAME_WIRE = {"docdb": "rds", "neptune": "rds"}
"""Why: these speak RDS's API at RDS's host under RDS's signing name; on the wire they are RDS."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The names of one service on the wire."""

    service: str
    prefix: str
    signing: str
    target: str


class Directory:
    """Finds and compiles services; each once."""

    def __init__(self) -> None:
        self._compiled: dict[str, Service] = {}
        rows = [line.split() for line in COMMON.split("\n") if line]
        self._entries = [Entry(s, p, g, "" if t == "-" else t) for s, p, g, t in rows]
        self._whole = False
        self._index()

    def service(self, name: str) -> Service:
        """Return a service compiled; raises `files.ModelMissing`."""
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = Service(name, files.model(name))
        return found

    def signing(self, name: str) -> frozenset[str]:
        """Return the services that sign under `name`."""
        return self._find(self._by_signing, SIGNING_ALIASES.get(name, name))

    def prefix(self, name: str) -> frozenset[str]:
        """Return the services whose host name starts with `name`."""
        return self._find(self._by_prefix, PREFIX_ALIASES.get(name, name))

    def target(self, name: str) -> frozenset[str]:
        """Return the services whose targets start with `name`."""
        return self._find(self._by_target, name)

    def _find(self, index: dict[str, set[str]], name: str) -> frozenset[str]:
        found = index.get(name)
        if found is None and not self._whole:
            self._read_all()
            found = index.get(name)
        return frozenset(found or ())

    def _read_all(self) -> None:
        self._whole = True
        self._entries = [
            Entry(name, m["endpointPrefix"], m.get("signingName") or m["endpointPrefix"], m.get("targetPrefix", ""))
            for name, m in files.metadata() if name not in SAME_WIRE
        ]
        self._index()

    def _index(self) -> None:
        if not self._whole:
            self._by_signing: dict[str, set[str]] = defaultdict(set)
            self._by_prefix: dict[str, set[str]] = defaultdict(set)
            self._by_target: dict[str, set[str]] = defaultdict(set)
        for entry in self._entries:
            self._by_signing[entry.signing].add(entry.service)
            self._by_prefix[entry.prefix].add(entry.service)
            if entry.target:
                self._by_target[entry.target].add(entry.service)
