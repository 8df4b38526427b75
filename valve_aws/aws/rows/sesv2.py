"""Effect rows of SES, the second API.

Knows which operations send mail. Does not know whom it goes to, which is `mail`.
"""

from __future__ import annotations

from valve_aws.aws.rows import mail
from valve_aws.aws.rows.row import Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span

LEAVES = ("from=FromEmailAddress reply=ReplyToAddresses set=ConfigurationSetName "
          "tag=EmailTags.Name tag=EmailTags.Value")


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
    _sends("SendBulkEmail"),
    _sends("SendCustomVerificationEmail"),
    _shows("GetAccount"),
    _shows("GetEmailIdentity"),
    _shows("ListEmailIdentities"),
    _shows("GetEmailTemplate"),
    _shows("ListEmailTemplates"),
    _sets("CreateEmailIdentity", "lets an address or a domain send"),
    _sets("DeleteEmailIdentity", "stops an identity"),
    _sets("CreateEmailTemplate", "changes what is sent"),
    _sets("UpdateEmailTemplate", "changes what is sent"),
    _sets("DeleteEmailTemplate", "changes what is sent"),
    _sets("PutEmailIdentityMailFromAttributes", "changes where bounces go"),
    _sets("CreateEmailIdentityPolicy", "lets others send"),
    _sets("CreateConfigurationSetEventDestination", "tells others of every mail"),
    _sets("CreateContact", "keeps a person's address"),
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
