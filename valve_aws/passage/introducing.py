"""Who a function is to AWS: STS's answer to one that asks with the key of its own environment.

Knows that answer's form. Does not know what a key may do.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from xml.sax.saxutils import escape

from valve_aws.course import commands as ask
from valve_aws.model.ports import Outcome
from valve_aws.model.stack import Function

ANSWER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{arn}</Arn><UserId>{user}</UserId><Account>{account}</Account></GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>{ident}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)


def introduced(function: Function, account: str, ident: str) -> ask.Reply:
    """Return what `GetCallerIdentity` answers a function: its role, in a session of the function's name.

    Why not the backend's word: it knows whose key the call is signed with anew, which is the valve's.
    Source: STS API reference, GetCallerIdentity; a session of one character is called otherwise (recorded on
    AWS).
    """
    role = function.role.rpartition("/")[2] or f"{function.name}-role"
    owner = function.role.split(":")[4] if function.role.count(":") > 4 else account
    session = function.name if len(function.name) > 1 else f"{function.name}@lambda_function"
    unique = base64.b32encode(sha256(f"{owner}/{role}".encode()).digest())[:17].decode()
    arn = f"arn:aws:sts::{owner}:assumed-role/{role}/{session}"
    told = ANSWER.format(arn=escape(arn), user=f"AROA{unique}:{session}", account=owner, ident=ident)
    headers = [("content-type", "text/xml"), ("x-amzn-requestid", ident)]
    return ask.Reply(200, Outcome.DONE, body=(200, headers, told.encode()))
