"""Effect rows of SES, the first API.

Knows which operations send mail. Does not know whom it goes to, which is `mail`.
"""

from __future__ import annotations

from valve_aws.aws.rows import mail
from valve_aws.aws.rows.row import Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span

LEAVES = ("from=Source reply=ReplyToAddresses set=ConfigurationSetName "
          "tag=Tags.Name tag=Tags.Value template=Template")


def _sends(operation: str) -> Row:
    # Why no action: which identity AWS wants granted, the address or its domain, depends on what is verified.
    return Row(operation, "to each mailbox, and a bounce to the return path; the reply's id is random",
               changes="mailboxes", delivers="others", blind="always", leaves=LEAVES)


def _sets(operation: str, opens: str) -> Row:
    return Row(operation, "changes who may send, or what is sent", reveals="account-config", changes="set-up",
               opens=opens, actions=f"ses:{operation}@any")


def _shows(operation: str) -> Row:
    return Row(operation, "settings and figures of the account", reveals="account-config",
               actions=f"ses:{operation}@any")


ROWS = (
    _sends("SendEmail"),
    _sends("SendRawEmail"),
    _sends("SendTemplatedEmail"),
    _sends("SendBulkTemplatedEmail"),
    _sends("SendCustomVerificationEmail"),
    _shows("GetSendQuota"),
    _shows("GetSendStatistics"),
    _shows("ListIdentities"),
    _shows("GetIdentityVerificationAttributes"),
    _shows("GetTemplate"),
    _shows("ListTemplates"),
    _sets("VerifyEmailIdentity", "sends mail to an address, and lets it send"),
    _sets("VerifyDomainIdentity", "lets a domain send"),
    _sets("DeleteIdentity", "stops an identity"),
    _sets("CreateTemplate", "changes what is sent"),
    _sets("UpdateTemplate", "changes what is sent"),
    _sets("DeleteTemplate", "changes what is sent"),
    _sets("PutIdentityPolicy", "lets others send"),
    _sets("SetIdentityNotificationTopic", "tells others of every mail"),
    _sets("CreateReceiptRule", "hands received mail on"),
)

SERVICE = Service(
    rows=ROWS,
    extents={
        "mailboxes": whole(mail.to, (Part.CONTENT, Span.NEW)),
        "account-config": whole(account("ses"), (Part.CONFIG, Span.ALL), (Part.COUNTS, Span.ALL)),
        "set-up": whole(account("ses"), (Part.CONFIG, Span.ONE)),
    },
    arns={"any": anything, "others": mail.others},
)
