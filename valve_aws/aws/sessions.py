"""Sessions that STS gives: taken out of its reply, so that a placeholder can stand in for each.

Knows the replies of the operations that lend a session. Does not know who holds a placeholder.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Call, Key

LENT = frozenset({"AssumeRole", "GetSessionToken", "GetFederationToken"})
"""Operations of STS whose sessions are lent; every other that issues credentials opens an exit. Why none of
those that prove somebody by a token of his own: they are not signed, so no key says who is lent to."""

NAMES = ("AccessKeyId", "SecretAccessKey", "SessionToken")
PARTS = tuple(re.compile(rf"(?<=<{name}>)[^<]+(?=</{name}>)") for name in NAMES)


def lends(call: Call) -> bool:
    """Say whether a call's reply holds a session."""
    return call.service == "sts" and call.operation in LENT


def lent(body: bytes, lend: Callable[[Key], Key]) -> bytes:
    """Return a reply with the placeholder that `lend` gives in the place of its session; raises `Unclear`
    when it does not hold exactly one."""
    try:
        text = body.decode("utf-8")
    except UnicodeError:
        raise Unclear("the reply of STS is not UTF-8 text") from None
    found = [part.findall(text) for part in PARTS]
    if any(len(each) != 1 for each in found):
        raise Unclear("the reply of STS does not hold one session, so none is handed on")
    given = lend(Key(*(unescape(each[0]) for each in found)))
    for part, value in zip(PARTS, (given.access_key, given.secret_key, given.token), strict=True):
        text = part.sub(value, text)  # of letters and digits alone
    return text.encode()
