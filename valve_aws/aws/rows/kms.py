"""Effect rows of KMS.

Knows that a key keeps nothing of what it is given: data goes in and comes back with the caller. Does not know
any key.
"""

from __future__ import annotations

from valve_aws.aws import names
from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Extent, Part, Span

CONTEXT = "context=EncryptionContext"


def _uses(operation: str, where: str = "key", changes: str = "") -> Row:
    return Row(operation,
               "answers with what it was given, changed by the key; the key's owner sees the context",
               reveals="config", changes=changes, blind="always",
               actions=f"kms:{operation}@{where}", leaves=CONTEXT)


def _sets(operation: str, opens: str, where: str = "key") -> Row:
    return Row(operation, "changes who may use a key", reveals="config", changes="set-up", opens=opens,
               actions=f"kms:{operation}@{where}", leaves="alias=AliasName")


ROWS = (
    _uses("Encrypt"),
    # Why it may write: without a key's name the ciphertext says whose key it is, and whoever that is sees in
    # his trail what is asked, the context included.
    _uses("Decrypt", changes="told"),
    _uses("GenerateDataKey"),
    _uses("GenerateDataKeyWithoutPlaintext"),
    _uses("GenerateDataKeyPair"),
    _uses("GenerateDataKeyPairWithoutPlaintext"),
    _uses("GenerateMac"),
    _uses("VerifyMac"),
    _uses("Sign"),
    _uses("Verify"),
    Row("ReEncrypt", "from one key to another; both owners see their context", reveals="config destination",
        changes="told", blind="always", actions="kms:ReEncryptFrom@source kms:ReEncryptTo@destination",
        leaves="context=SourceEncryptionContext context=DestinationEncryptionContext"),
    Row("GenerateRandom", "random bytes", reveals="config", actions="kms:GenerateRandom@any"),
    _uses("DescribeKey"),
    _uses("GetPublicKey"),
    Row("ListKeys", "names of the account's keys", reveals="keys", actions="kms:ListKeys@any"),
    Row("ListAliases", "names of the account's keys", reveals="keys", actions="kms:ListAliases@any"),
    _sets("CreateGrant", "lets others use the key"),
    _sets("RetireGrant", "changes who may use the key"),
    _sets("RevokeGrant", "changes who may use the key"),
    _sets("PutKeyPolicy", "lets others use the key"),
    _sets("CreateKey", "makes a key", "any"),
    _sets("CreateAlias", "makes another name of a key"),
    _sets("UpdateAlias", "points a name at another key"),
    _sets("DeleteAlias", "takes a name away"),
    _sets("ScheduleKeyDeletion", "deletes the key"),
    _sets("DisableKey", "stops the key"),
)


def _key(asked: Asked) -> list[str]:
    """The key; where the ciphertext alone says it, any of the account's."""
    text = asked.params.get("KeyId") or asked.params.get("SourceKeyId") or asked.params.get("TargetKeyId")
    return [names.kms_key(text, asked.place) if text else names.account(asked.place, "kms")]


def _named(asked: Asked) -> list[str]:
    """The key that IAM is asked about, where the request names it."""
    return [arn for arn in _key(asked) if not arn.endswith(":*")]


def _told(asked: Asked) -> list[Extent]:
    """Whoever owns the key that a ciphertext was made with, where the request does not say it."""
    known = asked.params.get("KeyId") or asked.params.get("SourceKeyId")
    return [] if known else list(TOLD(asked))


TOLD = whole(account("kms"), (Part.CONTENT, Span.NEW))


def _destination(asked: Asked) -> list[str]:
    return [names.kms_key(asked.params["DestinationKeyId"], asked.place)]


SERVICE = Service(
    rows=ROWS,
    extents={
        "config": whole(_key, (Part.CONFIG, Span.ALL)),
        "set-up": whole(_key, (Part.CONFIG, Span.ONE)),
        "told": _told,
        "destination": whole(_destination, (Part.CONFIG, Span.ALL)),
        "keys": whole(account("kms"), (Part.NAMES, Span.ALL)),
    },
    arns={"any": anything, "key": _named, "source": _named, "destination": _destination},
)
