"""The requests of one connection, one after the other, out of the bytes that arrive.

Knows the order of head, body and next head. Does not know sockets, time, nor who answers.
"""

from __future__ import annotations

from valve_aws.proxy.body import Body, Counted, body_of
from valve_aws.proxy.grammar import Gone
from valve_aws.proxy.head import Known, RequestHead, read_request
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import Limits


class Reader:
    """Feed `inbox`, then ask. However the bytes are cut, the answers are the same."""

    __slots__ = ("_blank", "_known", "_limits", "body", "inbox")

    def __init__(self, inbox: Inbox, limits: Limits, known: Known | None = None) -> None:
        """`known`: the field lines that this client has sent before, on whichever connection."""
        self.inbox = inbox
        self._limits = limits
        self._known = Known.within(limits) if known is None else known
        self._blank = False
        self.body: Body = Counted(0, limits)
        """Of the request whose head was returned last."""

    def head(self) -> RequestHead | None:
        """Return the next request's head; None when more bytes must arrive, or at a clean end.

        Raises Malformed, and Gone when the bytes end within a head. The body before must have been taken.
        """
        assert self.body.done, "the body of the request before has not been read"
        inbox = self.inbox
        if not self._blank and inbox.passed(b"\r\n"):
            # Spec RFC 9112 §2.2: one empty line before a request line is passed over.
            self._blank = True
        found = inbox.until(b"\r\n\r\n", self._limits.head, "the head is too long", 431)
        if found is None:
            if inbox.ended and len(inbox):
                raise Gone("the connection ended within a head")
            return None
        head = read_request(found, self._limits, self._known)
        self._blank = False
        self.body = body_of(head.length, self._limits)
        return head

    def take(self) -> bytes:
        """Return the next piece of the body, b"" when more must arrive or when `body.done`."""
        return self.body.take(self.inbox)
