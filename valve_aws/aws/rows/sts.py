"""Effect rows of STS.

Knows which operations issue credentials, and which of those are lent to the environment that asks
(`sessions`). Does not know what they allow.
"""

from __future__ import annotations

from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span


def _issues(operation: str, where: str = "any", leaves: str = "") -> Row:
    return Row(operation, "credentials that outlive the environment, or belong to another account",
               reveals="account", opens="issues credentials that outlive the environment",
               actions=f"sts:{operation}@{where}", leaves=leaves)


def _lends(operation: str, changes: str, where: str, leaves: str = "") -> Row:
    """A session whose key never comes in: it is lent under a placeholder, and ends with the environment."""
    return Row(operation, "a session, with a name and tags that whoever logs its calls reads",
               reveals="account", changes=changes, blind="always", actions=f"sts:{operation}@{where}",
               leaves=leaves)


ROWS = (
    Row("GetCallerIdentity", "account and name of whose key it is: the valve's own answer for a placeholder",
        reveals="account"),
    Row("GetAccessKeyInfo", "whose key it is; the key leaves", reveals="account",
        actions="sts:GetAccessKeyInfo@any", leaves="key=AccessKeyId"),
    Row("DecodeAuthorizationMessage", "why a request was denied", reveals="account",
        actions="sts:DecodeAuthorizationMessage@any"),
    _lends("AssumeRole", "role-session", "role",
           "role=RoleArn session=RoleSessionName external=ExternalId source=SourceIdentity "
           "tag=Tags.Key tag=Tags.Value"),
    _issues("AssumeRoleWithSAML", "role", "role=RoleArn"),
    _issues("AssumeRoleWithWebIdentity", "role", "role=RoleArn session=RoleSessionName"),
    _issues("AssumeRoot"),
    _lends("GetFederationToken", "own-session", "any", "session=Name tag=Tags.Key tag=Tags.Value"),
    _lends("GetSessionToken", "", "any"),
    _issues("GetScopedCredentials", leaves="session=ScopedSessionDescription"),
    _issues("GetDelegatedAccessToken"),
    _issues("GetWebIdentityToken", leaves="audience=Audience tag=Tags.Key tag=Tags.Value"),
)


def _role(asked: Asked) -> list[str]:
    return [asked.params["RoleArn"]]


SERVICE = Service(
    rows=ROWS,
    extents={
        "account": whole(account("sts"), (Part.CONFIG, Span.ALL)),
        # Why content: the session's name and tags are told there, so the role must accept them (law 5).
        "role-session": whole(_role, (Part.CONTENT, Span.NEW)),
        "own-session": whole(account("sts"), (Part.CONTENT, Span.NEW)),
    },
    arns={"any": anything, "role": _role},
)
