"""Effect rows of STS.

Knows which operations issue credentials. Does not know what those allow.
"""

from __future__ import annotations

from valve_aws.aws.rows.row import Asked, Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span


def _issues(operation: str, where: str = "any", leaves: str = "") -> Row:
    return Row(operation, "credentials that outlive the environment, or belong to another account",
               reveals="account", opens="issues credentials that outlive the environment",
               actions=f"sts:{operation}@{where}", leaves=leaves)


ROWS = (
    Row("GetCallerIdentity", "account and name of whose key it is: the valve's own answer for a placeholder",
        reveals="account"),
    Row("GetAccessKeyInfo", "whose key it is; the key leaves", reveals="account",
        actions="sts:GetAccessKeyInfo@any", leaves="key=AccessKeyId"),
    Row("DecodeAuthorizationMessage", "why a request was denied", reveals="account",
        actions="sts:DecodeAuthorizationMessage@any"),
    _issues("AssumeRole", "role",
            "role=RoleArn session=RoleSessionName external=ExternalId source=SourceIdentity "
            "tag=Tags.Key tag=Tags.Value"),
    _issues("AssumeRoleWithSAML", "role", "role=RoleArn"),
    _issues("AssumeRoleWithWebIdentity", "role", "role=RoleArn session=RoleSessionName"),
    _issues("AssumeRoot"),
    _issues("GetFederationToken", leaves="session=Name tag=Tags.Key tag=Tags.Value"),
    _issues("GetSessionToken"),
    _issues("GetScopedCredentials", leaves="session=ScopedSessionDescription"),
    _issues("GetDelegatedAccessToken"),
    _issues("GetWebIdentityToken", leaves="audience=Audience tag=Tags.Key tag=Tags.Value"),
)


def _role(asked: Asked) -> list[str]:
    return [asked.params["RoleArn"]]


SERVICE = Service(
    rows=ROWS,
    extents={"account": whole(account("sts"), (Part.CONFIG, Span.ALL))},
    arns={"any": anything, "role": _role},
)
