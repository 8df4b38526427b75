"""Effect rows of tables as such: settings, backups, exports, replicas, by class.

Knows which setting each operation shows or changes. Does not know items.
"""

from __future__ import annotations

from collections.abc import Callable

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Extents, Row, Texts, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span


def _shows(operation: str, where: str, why: str, reveals: str = "config") -> Row:
    return Row(operation, why, reveals=reveals, actions=f"dynamodb:{operation}@{where}",
               leaves="table=TableName")


def _sets(operation: str, opens: str, why: str, where: str = "table", action: str = "") -> Row:
    return Row(operation, why, reveals="config", changes="set-up", opens=opens,
               actions=f"dynamodb:{action or operation}@{where}", leaves="table=TableName")


SHOWN = (
    Row("ListTables", "names of the account's tables", reveals="tables", actions="dynamodb:ListTables@tables",
        leaves="after=ExclusiveStartTableName"),
    _shows("DescribeTable", "table", "settings, and how many items of what size there are", "config figures"),
    _shows("DescribeBackup", "arn", "settings, and how many items of what size there were", "config figures"),
    _shows("ListBackups", "any", "names and sizes of the account's backups", "tables config figures"),
    _shows("DescribeContinuousBackups", "table", "a setting of the table"),
    _shows("DescribeContributorInsights", "table", "a setting of the table"),
    _shows("ListContributorInsights", "any", "settings of the account's tables", "tables config"),
    _shows("DescribeEndpoints", "any", "host names of the service", "account-config"),
    _shows("DescribeLimits", "any", "limits of the account", "account-config"),
    _shows("DescribeExport", "arn", "where an export went, and how much it was", "config figures"),
    _shows("ListExports", "any", "names of the account's exports", "tables config"),
    _shows("DescribeImport", "arn", "where an import came from, and how much it was", "config figures"),
    _shows("ListImports", "any", "names of the account's imports", "tables config"),
    _shows("DescribeBulkOperation", "any", "how far a bulk write has come", "bulk-account account-figures"),
    _shows("ListBulkOperations", "any", "names of the account's bulk writes", "tables account-figures"),
    _shows("DescribeGlobalTable", "any", "where a table is replicated", "tables account-config"),
    _shows("DescribeGlobalTableSettings", "any", "a setting of the replicas", "tables account-config"),
    _shows("ListGlobalTables", "any", "names of the account's global tables", "tables"),
    _shows("DescribeKinesisStreamingDestination", "table", "where every change of the table is sent"),
    _shows("DescribeTableReplicaAutoScaling", "table", "a setting of the table's replicas"),
    _shows("DescribeTimeToLive", "table", "a setting of the table"),
    _shows("GetResourcePolicy", "arn", "who is let in"),
    _shows("ListTagsOfResource", "arn", "tags are settings"),
)

SET = (
    Row("CreateTable", "a new name; an error tells that it is taken", reveals="own-name config",
        changes="own-name set-up", opens="creating",
        actions="dynamodb:CreateTable@table dynamodb:TagResource@tagged", leaves="table=TableName tag=Tags"),
    Row("DeleteTable", "whoever uses it is told that it is gone; the reply counts its items",
        reveals="config figures own-name", changes="all own-name", opens="deletes the table",
        actions="dynamodb:DeleteTable@table", leaves="table=TableName"),
    _sets("UpdateTable", "changes the table's indexes, stream, replicas or key",
          "everybody meets it"),
    _sets("UpdateTimeToLive", "deletes items later", "items go by an attribute that others write"),
    _sets("UpdateContinuousBackups", "keeps, or stops keeping, older states", "a restore brings them back"),
    _sets("UpdateContributorInsights", "publishes keys that are used most", "keys show in CloudWatch"),
    _sets("PutResourcePolicy", "lets others in by a policy", "who may use the table", "arn"),
    _sets("DeleteResourcePolicy", "takes a policy away that may have denied", "who may use the table", "arn"),
    _sets("TagResource", "sets tags, by which policies let callers in", "tags are settings", "arn"),
    _sets("UntagResource", "removes tags, by which policies keep callers out", "tags are settings", "arn"),
    Row("EnableKinesisStreamingDestination", "a delivery that stays", reveals="config", changes="set-up",
        delivers="stream", opens="sends every change into a stream",
        actions="dynamodb:EnableKinesisStreamingDestination@table", leaves="table=TableName"),
    _sets("DisableKinesisStreamingDestination", "stops what others rely on", "a delivery ends"),
    _sets("UpdateKinesisStreamingDestination", "changes what is sent into a stream", "a delivery that stays"),
    _sets("CreateGlobalTable", "replicates a table into other regions", "a delivery that stays", "any"),
    _sets("UpdateGlobalTable", "replicates a table into other regions", "a delivery that stays", "any"),
    _sets("UpdateGlobalTableSettings", "changes the settings of replicas", "everybody meets it", "any"),
    _sets("UpdateTableReplicaAutoScaling", "changes the settings of replicas", "everybody meets it"),
    Row("CreateBackup", "a copy of every item that outlives the table", consults="all",
        reveals="config figures", changes="account-content", opens="copies the table into a backup",
        actions="dynamodb:CreateBackup@table", leaves="table=TableName backup=BackupName"),
    Row("DeleteBackup", "a copy goes", reveals="config figures", changes="set-up account-content",
        opens="deletes a backup", actions="dynamodb:DeleteBackup@arn"),
    Row("RestoreTableFromBackup", "a new table out of a backup's items", consults="all",
        reveals="config figures", changes="target", opens="copies the table into a new one",
        actions="dynamodb:RestoreTableFromBackup@arn dynamodb:RestoreTableFromBackup@target",
        leaves="table=TargetTableName"),
    Row("RestoreTableToPointInTime", "a new table out of an older state", consults="all",
        reveals="config figures", changes="target", opens="copies the table into a new one",
        actions="dynamodb:RestoreTableToPointInTime@source dynamodb:RestoreTableToPointInTime@target",
        leaves="table=TargetTableName"),
    Row("ExportTableToPointInTime", "every item goes into a bucket", consults="all", reveals="config figures",
        changes="bucket", delivers="bucket", opens="writes the table into a bucket",
        actions="dynamodb:ExportTableToPointInTime@source s3:PutObject@bucket-objects",
        leaves="bucket=S3Bucket prefix=S3Prefix"),
    Row("ImportTable", "a new table out of a bucket's objects", consults="import-source",
        reveals="import-source", changes="imported", opens="copies a bucket into a new table",
        actions="dynamodb:ImportTable@imported s3:GetObject@import-objects"),
    Row("StartBulkPutItems", "puts the items that a bucket's objects hold, and a report into another",
        consults="bulk-source", reveals="config bulk-source", changes="all bulk-output",
        delivers="bulk-output", opens="copies a bucket into the table",
        actions="dynamodb:StartBulkPutItems@table", leaves="table=TableName"),
    Row("CancelBulkOperation", "stops a bulk write half-way", reveals="bulk-account account-figures",
        changes="account-counts", opens="stops a bulk write", actions="dynamodb:CancelBulkOperation@any"),
)

ROWS = SHOWN + SET

MEMBERS = ("TableName", "SourceTableName", "GlobalTableName")
ARN_MEMBERS = ("TableArn", "SourceTableArn", "ResourceArn", "BackupArn", "ExportArn", "ImportArn")


def _arn(asked: Asked) -> list[str]:
    """The resource that the request names by ARN: an index, a stream, a backup, a table."""
    return [asked.params[m] for m in ARN_MEMBERS if asked.params.get(m)]


def _table(asked: Asked) -> list[str]:
    """The table that the request is about: every member that names one must agree; none, where none is
    named.
    """
    found = names.unique([names.table(asked.params[m], asked.place) for m in MEMBERS if asked.params.get(m)]
                         + [names.table_of(arn) for arn in _arn(asked)])
    if len(found) > 1:
        raise names.NotCanonical("the request names two tables")
    return list(found)


def _stores(asked: Asked) -> list[str]:
    return _table(asked) or [names.account(asked.place, "dynamodb")]


def _account(part: Part, span: Span = Span.ALL) -> Extents:
    return whole(account("dynamodb"), (part, span))


def _target(asked: Asked) -> list[str]:
    return [names.table(asked.params["TargetTableName"], asked.place)]


def _imported(asked: Asked) -> list[str]:
    return [names.table(asked.params["TableCreationParameters"]["TableName"], asked.place)]


def _bucket(*path: str) -> Texts:
    def at(asked: Asked) -> list[str]:
        value = asked.params
        for member in path:
            value = value.get(member) or {}
        return [names.bucket(str(value), asked.place.partition)] if value else []
    return at


def _anything(stores: Texts, span: Span) -> Extents:
    """All that a store may hold, or something new in it."""
    return whole(stores, (Part.CONTENT, span), (Part.NAMES, span))


def _own_name(asked: Asked) -> list[Extent]:
    names_of = names.account(asked.place, "dynamodb")
    return [Extent(names_of, Part.NAMES, Span.ONE, store.rpartition("/")[2]) for store in _table(asked)]


EXPORT, IMPORT = _bucket("S3Bucket"), _bucket("S3BucketSource", "S3Bucket")
BULK_IN, BULK_OUT = _bucket("InputS3Configuration", "S3Bucket"), _bucket("OutputS3Configuration", "S3Bucket")

def _bulk(asked: Asked) -> list[str]:
    """The tables of the account whose bulk write it is."""
    arn = asked.params["BulkOperationArn"]
    return [f"{arn[: names.split(arn, 'dynamodb').start(5)]}*"]


EXTENTS: dict[str, Extents] = {
    "bulk-account": whole(_bulk, (Part.CONFIG, Span.ALL)),
    "config": whole(_stores, (Part.CONFIG, Span.ALL)),
    "figures": whole(_stores, (Part.COUNTS, Span.ALL)),
    "set-up": whole(_stores, (Part.CONFIG, Span.ONE)),
    "all": whole(_stores, *((part, Span.ALL) for part in Part)),
    "table-content": whole(_stores, *((part, Span.ALL) for part in (Part.CONTENT, Part.NAMES, Part.COUNTS))),
    "tables": _account(Part.NAMES),
    "own-name": _own_name,
    "account-config": _account(Part.CONFIG),
    "account-figures": _account(Part.COUNTS),
    "account-counts": _account(Part.COUNTS, Span.ONE),
    "account-content": _account(Part.CONTENT, Span.NEW),
    "target": _anything(_target, Span.ALL),
    "imported": _anything(_imported, Span.ALL),
    "bucket": _anything(EXPORT, Span.NEW),
    "import-source": _anything(IMPORT, Span.ALL),
    "bulk-source": _anything(BULK_IN, Span.ALL),
    "bulk-output": _anything(BULK_OUT, Span.NEW),
}


def _objects(buckets: Texts) -> Texts:
    return lambda asked: [f"{arn}/*" for arn in buckets(asked)]


def _indexed(asked: Asked) -> list[str]:
    return [f"{table}/index/{asked.params['IndexName']}" for table in _table(asked)]


ARNS: dict[str, Texts] = {
    "any": anything,
    # Why not `*`: it is what AWS's own refusals of ListTables name.
    "tables": lambda asked: [asked.place.arn("dynamodb", "table/*")],
    "table": _table,
    "source": _table,
    "arn": _arn,
    "tagged": lambda asked: _table(asked) if asked.params.get("Tags") else [],
    "indexed": _indexed,
    "target": _target,
    "imported": _imported,
    "bucket": EXPORT,
    "bucket-objects": _objects(EXPORT),
    "import-objects": _objects(IMPORT),
    "stream": lambda asked: [names.stream("", asked.params["StreamArn"], asked.place)],
    "bulk-output": BULK_OUT,
}


def creating(asked: Asked) -> str:
    """What a new table opens beside its name."""
    params = asked.params
    if params.get("ResourcePolicy"):
        return "lets others in by a policy"
    if params.get("GlobalTableSourceArn"):
        return "replicates a table"
    return onward.keyed((params.get("SSESpecification") or {}).get("KMSMasterKeyId"), asked.place)


OPENERS: dict[str, Callable[[Asked], str]] = {"creating": creating}
