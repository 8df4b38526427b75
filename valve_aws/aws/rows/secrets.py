"""Effect rows of Secrets Manager.

Knows that a secret is a store of one cell. Does not know any secret.
"""

from __future__ import annotations

from valve_aws.aws import names, onward
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span


def _sets(operation: str, opens: str) -> Row:
    return Row(operation, "changes who may read the secret, or whether it is there", reveals="config",
               changes="set-up", opens=opens, actions=f"secretsmanager:{operation}@secret",
               leaves="secret=SecretId")


# Why what is written consults what was there: older versions stay readable by their stage.
ROWS = (
    Row("GetSecretValue", "the secret, or that it is not there", reveals="secret",
        actions="secretsmanager:GetSecretValue@secret", leaves="secret=SecretId"),
    Row("BatchGetSecretValue", "as GetSecretValue, for each that is listed", reveals="listed",
        actions="secretsmanager:BatchGetSecretValue@any secretsmanager:GetSecretValue@listed",
        leaves="secret=SecretIdList"),
    Row("DescribeSecret", "settings, and when the secret was read and changed", reveals="config",
        actions="secretsmanager:DescribeSecret@secret", leaves="secret=SecretId"),
    Row("ListSecretVersionIds", "names of the versions, and when they were read", reveals="config",
        actions="secretsmanager:ListSecretVersionIds@secret", leaves="secret=SecretId"),
    Row("GetResourcePolicy", "who may read the secret", reveals="config",
        actions="secretsmanager:GetResourcePolicy@secret", leaves="secret=SecretId"),
    Row("ListSecrets", "names and settings of the account's secrets", reveals="secrets",
        actions="secretsmanager:ListSecrets@any", leaves="filter=Filters.Values"),
    Row("GetRandomPassword", "random text", reveals="account-config",
        actions="secretsmanager:GetRandomPassword@any"),
    Row("PutSecretValue", "a new version; a repeated token is compared with what is there", consults="secret",
        reveals="tokened", changes="value", blind="untokened", actions="secretsmanager:PutSecretValue@secret",
        leaves="secret=SecretId token=ClientRequestToken"),
    Row("UpdateSecret", "a new version, another description or key", consults="secret", reveals="tokened",
        changes="value", opens="keyed", blind="untokened", actions="secretsmanager:UpdateSecret@secret",
        leaves="secret=SecretId description=Description"),
    Row("UpdateSecretVersionStage", "which version is read from now on; an error tells which is",
        consults="secret", reveals="config", changes="value",
        actions="secretsmanager:UpdateSecretVersionStage@secret",
        leaves="secret=SecretId stage=VersionStage"),
    Row("CreateSecret", "a new name; an error tells that it is taken", reveals="own-name",
        changes="value own-name", opens="keyed",
        actions="secretsmanager:CreateSecret@secret secretsmanager:TagResource@tagged",
        leaves="secret=Name description=Description tag=Tags.Key tag=Tags.Value"),
    _sets("DeleteSecret", "deletes the secret"),
    _sets("RestoreSecret", "brings a deleted secret back"),
    _sets("PutResourcePolicy", "lets others in by a policy"),
    _sets("DeleteResourcePolicy", "takes a policy away that may have denied"),
    _sets("RotateSecret", "lets a function replace the secret"),
    _sets("ReplicateSecretToRegions", "copies the secret into other regions"),
    _sets("TagResource", "sets tags, by which policies let callers in"),
    _sets("UntagResource", "removes tags, by which policies keep callers out"),
)


def _secret(asked: Asked) -> list[str]:
    return list(names.secret(asked.params.get("SecretId") or asked.params["Name"], asked.place))


def _listed(asked: Asked) -> list[str]:
    if asked.params.get("Filters"):
        raise names.NotCanonical("filters do not say which secrets are read; list them")
    return [arn for text in asked.params["SecretIdList"] for arn in names.secret(text, asked.place)]


def untokened(asked: Asked) -> bool:
    """AWS's SDKs send a random token each time; only a repeated one tells. A call without one tells
    nothing.
    """
    return not asked.params.get("ClientRequestToken")


VALUE = whole(_secret, (Part.CONTENT, Span.ONE), (Part.NAMES, Span.ONE))


def keyed(asked: Asked) -> str:
    """A key of another account, or copies elsewhere."""
    if found := onward.keyed(asked.params.get("KmsKeyId"), asked.place):
        return found
    if asked.params.get("CrossAccountPrimaryARN"):
        return "ties the secret to one of another account"
    return "copies the secret into other regions" if asked.params.get("AddReplicaRegions") else ""


def _own_name(asked: Asked) -> list[Extent]:
    return [Extent(names.account(asked.place, "secretsmanager"), Part.NAMES, Span.ONE, asked.params["Name"])]


SERVICE = Service(
    rows=ROWS,
    extents={
        "secret": whole(_secret, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL)),
        "value": whole(_secret, (Part.CONTENT, Span.ONE), (Part.NAMES, Span.ONE), (Part.COUNTS, Span.ONE)),
        "tokened": lambda asked: [] if untokened(asked) else list(VALUE(asked)),
        "listed": whole(_listed, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL)),
        "config": whole(_secret, (Part.CONFIG, Span.ALL), (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
        "set-up": whole(_secret, (Part.CONFIG, Span.ONE), (Part.NAMES, Span.ONE)),
        "secrets": whole(account("secretsmanager"), (Part.NAMES, Span.ALL), (Part.CONFIG, Span.ALL)),
        "account-config": whole(account("secretsmanager"), (Part.CONFIG, Span.ALL)),
        "own-name": _own_name,
    },
    arns={
        "any": anything,
        "secret": _secret,
        "listed": _listed,
        "tagged": lambda asked: _secret(asked) if asked.params.get("Tags") else [],
    },
    openers={"keyed": keyed},
    proofs={"untokened": untokened},
)
