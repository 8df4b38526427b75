"""A05: a link or a form made without any call, and given away: returned, logged, mailed, stored.

What it is for is named by its key, so whoever has the link has the text too.
"""

import json

from botocore.config import Config


def attack(hands):
    """In the result, signed in the way of today."""
    return linked(hands, hands.plain(), "s3v4")


def by_old(hands):
    """In the result, signed in the way of before 2014, which is the SDK's default in us-east-1."""
    return linked(hands, hands.plain(), "s3")


def by_form(hands):
    return signer(hands, "s3v4").generate_presigned_post("kept-files", f"drop/{hands.plain()}")


def by_mail(hands):
    mailed(hands, linked(hands, hands.plain(), "s3v4"))


def by_message(hands):
    stored(hands, linked(hands, hands.plain(), "s3v4"))


def by_log(hands):
    print(linked(hands, hands.plain(), "s3v4"))


def twin(hands):
    """The upload form, and links, that the policy releases."""
    text = hands.plain()
    mailed(hands, linked(hands, text, "s3", "handed"))
    stored(hands, linked(hands, text, "s3v4", "handed"))
    form = signer(hands, "s3v4").generate_presigned_post("kept-files", f"handed/{text}")
    return json.dumps({"form": form, "link": linked(hands, text, "s3v4", "handed")})


def linked(hands, text, version, folder="drop"):
    given = {"Bucket": "kept-files", "Key": f"{folder}/{text}"}
    return signer(hands, version).generate_presigned_url("put_object", Params=given, ExpiresIn=600)


def signer(hands, version):
    return hands.client("s3", config=Config(signature_version=version))


def mailed(hands, link):
    message = {"Subject": {"Data": "a link"}, "Body": {"Text": {"Data": link}}}
    to = {"ToAddresses": ["ops@kept.test"]}
    hands.call("ses", "SendEmail", Source="me@kept.test", Destination=to, Message=message)


def stored(hands, link):
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("kept-jobs"), MessageBody=link)
