"""Which services there are, by the names that show on the wire: signing name, host prefix, target prefix.

Knows how to find the candidates for a name. Does not know hosts, signatures or operations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from valve_aws.aws import files
from valve_aws.aws.shapes import Service
from valve_aws.aws.unclear import Unclear

COMMON = """
cloudwatch monitoring monitoring GraniteServiceVersion20100801
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
"""Service, endpoint prefix, signing name, target prefix of what applications use, so that the heads of all of
botocore's 400 models need not be read (150 ms) before the first call. Where another service shares one of
these names, it is asked only when these do not fit, so that what was read before never matters. A test holds
the table to botocore's own."""

SIGNING_ALIASES = {"s3express": "s3"}

PREFIX_ALIASES = {
    "ddb": "dynamodb", "streams-ddb": "streams.dynamodb", "queue": "sqs", "search-ddb": "dynamodb",
    "search-dynamodb": "dynamodb", "streams-dynamodb": "streams.dynamodb", "data-kinesis": "kinesis",
    "control-kinesis": "kinesis", "kinesis-queues": "kinesis",
}
"""Host prefixes that only botocore's endpoint rules list: account-based names, the first SQS name."""

SAME_WIRE = {"docdb": "rds", "neptune": "rds"}
"""Why: these speak RDS's API at RDS's host under RDS's signing name; on the wire they are RDS."""


MOST_COMPILED = 32
"""Why a bound: each compiled service stays in memory (up to 20 MB), and hostile code could call all of
them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The names of one service on the wire."""

    service: str
    prefix: str
    signing: str
    target: str


class Index:
    """Entries by each of their names on the wire."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        self.services = frozenset(entry.service for entry in entries)
        self.signing: dict[str, set[str]] = {}
        self.prefix: dict[str, set[str]] = {}
        self.target: dict[str, set[str]] = {}
        for entry in entries:
            self.signing.setdefault(entry.signing, set()).add(entry.service)
            self.prefix.setdefault(entry.prefix, set()).add(entry.service)
            if entry.target:
                self.target.setdefault(entry.target, set()).add(entry.service)


class Directory:
    """Finds and compiles services; each once."""

    def __init__(self) -> None:
        self._compiled: dict[str, Service] = {}
        rows = [line.split() for line in COMMON.split("\n") if line]
        self._common = Index(Entry(s, p, g, "" if t == "-" else t) for s, p, g, t in rows)
        self._whole: Index | None = None

    def service(self, name: str) -> Service:
        """Return a service compiled; raises `files.ModelMissing`."""
        found = self._compiled.get(name)
        if found is None:
            if len(self._compiled) >= MOST_COMPILED and name not in self._common.services:
                raise Unclear("more different AWS services are called than one run may")
            found = self._compiled[name] = Service(name, files.model(name))
        return found

    def signing(self, name: str, wide: bool = False) -> frozenset[str]:
        """Return the services that sign under `name`; `wide`: every one, not only the common ones where there
        are any."""
        name = SIGNING_ALIASES.get(name, name)
        return self._named("signing", name, wide)

    def prefix(self, name: str, wide: bool = False) -> frozenset[str]:
        """Return the services whose host name starts with `name`."""
        name = PREFIX_ALIASES.get(name, name)
        return self._named("prefix", name, wide)

    def operation_prefix(self, name: str) -> tuple[frozenset[str], str]:
        """Return the services whose host name begins after an operation's own prefix (`sync-states`), and
        that prefix."""
        for at, letter in enumerate(name, 1):
            if letter in "-." and (found := self.prefix(name[at:])):
                return found, name[:at]
        return frozenset(), ""

    def target(self, name: str) -> frozenset[str]:
        """Return the services whose targets start with `name`."""
        return self._named("target", name, False)

    def _named(self, kind: str, name: str, wide: bool) -> frozenset[str]:
        common: set[str] | None = None if wide else getattr(self._common, kind).get(name)
        return frozenset(common if common else getattr(self.whole(), kind).get(name, ()))

    def whole(self) -> Index:
        """Return the index of every service that botocore knows; read when first needed."""
        if self._whole is None:
            self._whole = Index(
                Entry(
                    name,
                    m["endpointPrefix"],
                    m.get("signingName") or m["endpointPrefix"],
                    m.get("targetPrefix", ""),
                )
                for name, m in files.metadata()
                if name not in SAME_WIRE
            )
        return self._whole
