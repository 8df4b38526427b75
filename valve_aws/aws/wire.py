"""The AWS wire of one stack: the room's steps put together behind one verb each.

Knows which module does what. Decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from valve_aws.aws import postform, refusals, replies
from valve_aws.aws.clock import now as clock_now
from valve_aws.aws.credentials import V4
from valve_aws.aws.crossing import AwsCall
from valve_aws.aws.directory import Directory
from valve_aws.aws.formreading import posted_call
from valve_aws.aws.hosts import is_aws_name
from valve_aws.aws.keyring import Keyring
from valve_aws.aws.keys import MARK, MARKED
from valve_aws.aws.links import Anew, Links
from valve_aws.aws.names import Place
from valve_aws.aws.payload import Payload
from valve_aws.aws.plan import Planner
from valve_aws.aws.presigning import form_url, presigned
from valve_aws.aws.reading import Judge, Reading
from valve_aws.aws.refusals import Reply
from valve_aws.aws.replies import Settled
from valve_aws.aws.sessions import lends, lent
from valve_aws.aws.unclear import Unclear
from valve_aws.aws.writing import Endpoint, Length, Outgoing, Unwritable, Writing
from valve_aws.model.call import Call, Evidence, Head, Key, Link, Unreadable
from valve_aws.model.ports import Now, Tables


@dataclass(frozen=True, slots=True)
class Letter:
    """What of ours stands in a result or a body."""

    links: tuple[Link, ...]
    held: str
    """Which credential stands in the rest, "" none."""
    content: bytes
    _links: Links | None

    def sealed(self, anew: Mapping[str, Anew]) -> bytes:
        """Return the content with its links written anew, by their texts."""
        return self._links.sealed(self.content, anew) if self._links is not None and anew else self.content


class Aws:
    """The wire of one stack. Services are compiled from botocore's models when the first call to them
    comes."""

    def __init__(self, account: str, region: str, tables: Tables, endpoints: Sequence[str] = ("localhost",),
                 now: Now = clock_now, judge: Judge | None = None, ring: Keyring | None = None,
                 secrets: frozenset[str] = frozenset(), directory: Directory | None = None) -> None:
        """`endpoints`: host names of custom endpoints, so that `bucket.endpoint` is known for a virtual-host
        bucket.

        `judge` stands in for the effect rows; None means the room's own. `ring` has the keys of this run.
        `secrets`: `names.Place.secrets`. `directory`: one that several stacks share, so that each service is
        compiled once.
        """
        directory = directory or Directory()
        self._reading = Reading(account, Planner(region, directory, tuple(endpoints)), tables, now, judge,
                                secrets)
        self._writing = Writing(directory)
        self._account = account
        self._directory, self._ring = directory, ring
        self._reading.post = partial(posted_call, self._reading)
        self._reading.seen = self._seen

    def know(self, secrets: frozenset[str]) -> None:
        """Take the secrets that are known by name to be these from now on (`names.Place.secrets`)."""
        self._reading.secrets = secrets

    def _seen(self, text: bytes, params: Mapping[str, Any]) -> tuple[str, tuple[Link, ...]]:
        """Return (which credential, which links) of ours stand in what leaves."""
        if self._ring is None:
            return "", ()
        if text.find(MARKED) < 0:
            return self._ring.found(text), ()
        links = Links(self._ring, self._reading)
        rest = links.without(params)
        return self._ring.found(repr(rest).encode() if links.found else text), tuple(links.found.values())

    def opened(self, content: bytes) -> Letter:
        """Return what of ours stands in a result or a body."""
        if self._ring is None:
            return Letter((), "", content, None)
        links = Links(self._ring, self._reading)
        found, rest = links.within(content)
        return Letter(found, self._ring.found(rest), content, links)

    def rewritten(self, call: Call, anew: Mapping[str, Anew]) -> Call:
        """Return a call with the links in its parameters written anew."""
        assert self._ring is not None
        links = Links(self._ring, self._reading)
        links.without(call.params)
        return replace(call, params=links.rewritten(call.params, anew))

    def anew(self, link: Link, endpoint: Endpoint, credential: Key, now: datetime, seconds: int,
             version: str) -> Anew:
        """Return what takes a link's place: signed for `endpoint`, good for at most `seconds`, no longer than
        it was, and for one version only if that is given."""
        call, ends = link.call, min(link.ends, now.timestamp() + seconds)
        if not link.form:
            left = max(1, int(ends - now.timestamp()))
            return Anew(presigned(self._directory, call, endpoint, credential, now, left, version))
        found = postform.policy(link.text)

        def fields(given: Mapping[str, str]) -> dict[str, str]:
            return postform.written(found, given, credential, call.region, now, ends)

        return Anew(form_url(str(call.params["Bucket"]), endpoint), fields)

    def is_aws(self, head: Head) -> bool:
        """Say whether a request is meant for AWS: by its host name, or signed with a key that a valve issued.

        A request to any other host that is signed with a foreign key is not: it is judged as a visit to that
        host. """
        if is_aws_name(head.host):
            return True
        authorization = head.header("authorization") or ""
        if authorization.startswith((V4, "AWS ", "AWS4-")):
            return MARK in authorization
        return MARK in head.target

    def peek(self, head: Head) -> int:
        """Return how many bytes of body to read before `read`; 0: none, and what there is may stream (see
        `payload`).

        When the head gives no length it is the most that may be read: a longer body is to be refused unread.
        """
        return self._reading.peek(head)

    def read(
        self, head: Head, body: bytes | None, key: Key, evidence: Evidence = Evidence()
    ) -> AwsCall | Unreadable:
        """Understand one request of the environment that `key` was issued to; `evidence` goes beside it.
        Never raises."""
        return self._reading.read(head, body, key, evidence)

    def given(self, service: str, operation: str, params: Mapping[str, Any], place: Place, protocol: str,
              foreign: str, evidence: Evidence) -> AwsCall | Unreadable:
        """Understand what a program asks of its SDK: botocore's names and its parameters, ready to be sent.

        `protocol` is what the SDK speaks to the service, `foreign` why its credential is none of ours, if it
        is. Never raises. """
        return self._reading.given(service, operation, params, place, protocol, foreign, evidence)

    def own(
        self, service: str, operation: str, params: Mapping[str, Any], region: str
    ) -> AwsCall | Unreadable:
        """Understand a call that the platform makes itself, as `given`, in the service's first protocol."""
        protocol = self._directory.service(service).protocols[0]
        return self._reading.given(service, operation, params, self.place(region), protocol, "", Evidence())

    def place(self, region: str, partition: str = "aws") -> Place:
        """Return where a request of this stack's account is served."""
        return Place(self._account, region, partition, self._reading.secrets)

    def payload(self, call: Call, watch: Callable[[bytes], None] = lambda _: None) -> Payload | None:
        """Return the decoder of a call's streamed body; None when its body was held and read. `watch` sees
        its content as it passes, and may raise."""
        if not isinstance(call, AwsCall) or call.stream is None:
            return None
        return Payload(call.stream, watch=watch)

    def write(self, call: Call, endpoint: Endpoint, credential: Key, now: datetime,
              body: bytes | Length | None = None) -> Outgoing:
        """Write a call anew for `endpoint`, signed with `credential`; raises `Unwritable`.

        `body` is the decoded content of a streamed upload, or its length when it streams past. `now` is in
        UTC. """
        if isinstance(call, AwsCall) and call.site_account not in {"", self._account}:
            # Why: another name would be written, under which the call reaches our own account's resources.
            raise Unwritable(f"it is sent to the host name of the account `{call.site_account}`")
        return self._writing.write(call, endpoint, credential, now, body)

    def content(self, call: Call) -> bytes | None:
        """Return the body of a call whose content was read with it: a posted form's file."""
        return call.content if isinstance(call, AwsCall) else None

    def answered(
        self, call: Call, status: int, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return an answer as the client may have it: a form's for a form, and a placeholder for a session,
        lent to whoever's key signed the call. Raises `Unclear`."""
        if lends(call) and status == 200:
            ring, key = self._ring, call.access_key
            if ring is None or ring.of(key) is None:
                raise Unclear("its session can be lent to nobody")
            return status, list(headers), lent(body, lambda session: ring.lend(key, session))
        if not isinstance(call, AwsCall) or not call.answer or status != 200:
            return status, list(headers), body
        bucket, key = str(call.params["Bucket"]), str(call.params["Key"])
        return postform.answered(status, call.answer, headers, bucket, key)

    def wants_reply(self, call: Call) -> int:
        """Return how many bytes of the reply to hold before `reply`; 0: it may stream past."""
        return replies.wants_reply(call)

    telling = replies.TELLING
    """The headers that `reply` looks at."""

    def reply(
        self, call: Call, status: int, headers: Iterable[tuple[str, str]], body: bytes | None
    ) -> Settled:
        """Return what became of a call."""
        return replies.settle(call, status, headers, body)

    def refusal(self, asked: Call | Head, ident: str, kind: str = "") -> Reply:
        """Return (status, headers, body) of the access denied that this client understands.

        It tells nothing but `ident` (law 14), so `kind`, whatever the reason, changes nothing.
        """
        return refusals.refusal(asked, ident)

    def refusal_of(
        self, service: str, operation: str, protocol: str, ident: str, answer: tuple[str, str] = ("", "")
    ) -> Reply:
        """Return a refusal for a client that speaks `protocol`: access denied, or the service's own code and
        text where `answer` gives them."""
        return refusals.spoken(service, operation, protocol, ident, answer)

    def declined(self, asked: Head, ident: str, code: str, text: str) -> Reply:
        """Return (status, headers, body) with which the service itself refuses such a request."""
        return refusals.declined(asked, ident, code, text)

    def failure(self, asked: Call | Head, ident: str) -> Reply:
        """Return (status, headers, body) of the 503 that says that the backend is gone."""
        return refusals.failure(asked, ident)
