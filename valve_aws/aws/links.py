"""Presigned URLs and forms of this run in what leaves: found, read as their calls, and written anew in place.

Knows how links stand in text, JSON, JSON within JSON and parameters. Does not know which may leave.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from valve_aws.aws.credentials import CREDENTIAL, claimed
from valve_aws.aws.crossing import AwsCall
from valve_aws.aws.formreading import form_link
from valve_aws.aws.hosts import locate
from valve_aws.aws.keyring import Issued, Keyring
from valve_aws.aws.keys import MARK
from valve_aws.aws.names import NotCanonical
from valve_aws.aws.plan import query_of
from valve_aws.aws.reading import Reading
from valve_aws.aws.signing import UNSIGNED_PAYLOAD, check_v4, instant
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Call, Effect, Head, Link, Origin

PLAIN = re.compile(r"https?:(?:\\?/){2}[^\s\"'<>`^{|}]+", re.IGNORECASE)
ENCODED = re.compile(r"https?%3A%2F%2F[^\s\"'<>&]+", re.IGNORECASE)
TAIL = ".,;:!?)]\\"
"""What may follow a URL in a sentence and is not part of it."""
METHODS = ("GET", "PUT", "HEAD", "DELETE", "POST")
KINDS = re.compile(r"[a-z]{1,20}/[a-z0-9][a-z0-9.+-]{0,80}", re.IGNORECASE)
DEEPEST = 4
"""JSON within JSON."""
MOST = 32
"""Links in one text that are verified, each in up to a few milliseconds. In one with more the session tokens
of the others are found, and it stays."""

Spelling = tuple[Callable[[str], str], Callable[[str], str]]


def _json(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


SPELLINGS: tuple[Spelling, ...] = (
    (str, str),
    (html.unescape, html.escape),
    (_json, lambda text: json.dumps(text)[1:-1].replace("&", "\\u0026")),
)
"""How a URL may stand in a text: (read, written)."""


@dataclass(frozen=True, slots=True)
class Anew:
    """What takes a link's place."""

    url: str
    fields: Callable[[Mapping[str, str]], dict[str, str]] | None = None
    """For a form: its fields, signed anew; then `url` is where it is posted."""


class Links:
    """The links that stand in one thing that leaves."""

    def __init__(self, ring: Keyring, reading: Reading) -> None:
        self._ring, self._reading = ring, reading
        self._read: dict[str, Link | None] = {}
        self._around = ""
        """The text in which a link stands: what it does not say itself may stand beside it."""
        self.found: dict[str, Link] = {}

    # Whole contents

    def within(self, content: bytes) -> tuple[tuple[Link, ...], bytes]:
        """Return (links, the rest without them) of a result or a body."""
        if MARK.encode() not in content:
            return (), content
        value, is_json = _parsed(content)
        rest = self.without(value)
        return tuple(self.found.values()), _dumped(rest, is_json) if self.found else content

    def sealed(self, content: bytes, anew: Mapping[str, Anew]) -> bytes:
        """Return a content with its links written anew, by their texts."""
        value, is_json = _parsed(content)
        return _dumped(self.rewritten(value, anew), is_json)

    # Values

    def without(self, value: Any) -> Any:
        """Return a value without its links; they are in `found` then."""
        self._around = _all_text(value)
        return self._walk(value, lambda _: "", lambda *_: {}, DEEPEST)

    def rewritten(self, value: Any, anew: Mapping[str, Anew]) -> Any:
        """Return a value with links written anew; one that `anew` does not name stays."""
        posts = {
            str(link.call.params.get("Bucket", "")): anew[text].url
            for text, link in self.found.items()
            if link.form and text in anew
        }

        def url(link: Link) -> str | None:
            return anew[link.text].url if link.text in anew else None

        def form(link: Link, fields: dict[str, str]) -> dict[str, str] | None:
            made = anew.get(link.text)
            return made.fields(fields) if made and made.fields else None

        done = self._walk(value, url, form, DEEPEST)
        return self._readdressed(done, posts, DEEPEST) if posts else done

    def _walk(
        self,
        value: Any,
        url: Callable[[Link], str | None],
        form: Callable[[Link, dict[str, str]], dict[str, str] | None],
        deep: int,
    ) -> Any:
        match value:
            case str():
                return self._text(value, url, form, deep) if MARK in value else value
            case bytes() if MARK.encode() in value:
                try:
                    return self._text(value.decode(), url, form, deep).encode()
                except UnicodeDecodeError:
                    return value
            case Mapping():
                if (link := self._form(value)) is not None:
                    made = form(link, dict(value))
                    return value if made is None else made
                return {
                    self._walk(k, url, form, deep): self._walk(v, url, form, deep) for k, v in value.items()
                }
            case list() | tuple():
                return [self._walk(v, url, form, deep) for v in value]
        return value

    def _text(self, text: str, url: Any, form: Any, deep: int) -> str:
        if deep and text.lstrip()[:1] in {"{", "["}:
            try:
                inner = json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                done = self._walk(inner, url, form, deep - 1)
                return text if done == inner else json.dumps(done)

        def put(m: re.Match[str]) -> str:
            whole = m.group().rstrip(TAIL)
            if MARK not in whole:
                return m.group()
            links = [(self._link(read(whole)), write) for read, write in SPELLINGS]
            known = [(link, write) for link, write in links if link is not None]
            if not known:
                return m.group()
            link, write = next((pair for pair in known if not pair[0].problem), known[0])
            made = url(self._told(link))
            return m.group() if made is None else write(made) + m.group()[len(whole) :]

        def put_encoded(m: re.Match[str]) -> str:
            link = self._link(unquote(m.group())) if MARK in m.group() else None
            made = url(self._told(link)) if link is not None else None
            return m.group() if made is None else quote(made, safe="")

        return ENCODED.sub(put_encoded, PLAIN.sub(put, text))

    def _readdressed(self, value: Any, posts: Mapping[str, str], deep: int) -> Any:
        """Return a value in which every URL of a bucket whose form was written anew is the backend's."""
        match value:
            case str() if value.startswith("http"):
                bucket = self._bucket(value)
                return posts.get(bucket, value) if bucket else value
            case str() if deep and value.lstrip()[:1] in {"{", "["}:
                try:
                    inner = json.loads(value)
                except (ValueError, RecursionError):
                    return value
                done = self._readdressed(inner, posts, deep - 1)
                return value if done == inner else json.dumps(done)
            case Mapping():
                return {k: self._readdressed(v, posts, deep) for k, v in value.items()}
            case list():
                return [self._readdressed(v, posts, deep) for v in value]
        return value

    def _bucket(self, url: str) -> str:
        """Return the bucket that a URL stands for, "" when it stands for something else."""
        try:
            parts = urlsplit(url)
            site = locate((parts.hostname or "").lower(), self._reading.planner.endpoints)
        except (ValueError, Unclear):
            return ""
        path = parts.path.strip("/")
        if parts.query or parts.fragment or (path and (site.bucket or "/" in path)):
            return ""
        return site.bucket or path

    # Single links

    def _form(self, fields: Mapping[Any, Any]) -> Link | None:
        """Return the form that a mapping's members are; None when they are none of ours."""
        if not any(isinstance(k, str) and k.lower() == "policy" for k in fields):
            return None
        texts = {k: v for k, v in fields.items() if isinstance(k, str) and isinstance(v, str)}
        named = {k.lower(): v for k, v in texts.items()}
        key = named.get("awsaccesskeyid") or named.get("x-amz-credential", "").partition("/")[0]
        issued = self._ring.of(key)
        if issued is None or len(texts) != len(fields):
            return None
        text = named["policy"]
        if text not in self._read:
            try:
                self._read[text] = form_link(self._reading, issued, texts)
            except (Unclear, NotCanonical) as unclear:
                self._read[text] = _unread(text, issued, str(unclear))
        link = self._read[text]
        return self._told(link) if link is not None else None

    def _link(self, url: str) -> Link | None:
        """Return the link that a URL is; None when it is none of ours."""
        if url not in self._read:
            self._read[url] = self._understood(url) if len(self._read) < MOST else None
        return self._read[url]

    def _told(self, link: Link) -> Link:
        self.found[link.text] = link
        return link

    def _understood(self, url: str) -> Link | None:
        try:
            parts = urlsplit(url)
            query, _ = query_of(parts.query)
            port = parts.port or {"http": 80, "https": 443}[parts.scheme.lower()]
        except (ValueError, Unclear):
            return None
        credential = CREDENTIAL.match(query.get("X-Amz-Credential", ""))
        issued = self._ring.of(credential[1] if credential else query.get("AWSAccessKeyId", ""))
        if issued is None:
            return None
        host = (parts.hostname or "").lower()
        origin = Origin("", parts.scheme.lower(), "", port)
        problem = ""
        for method in METHODS:
            bare = Head(
                method, f"{parts.path or '/'}?{parts.query}", (("host", parts.netloc),), host, origin
            )
            for headers in self._headers(bare, query, issued):
                head = replace(bare, headers=bare.headers + headers)
                call = self._reading.read(head, b"" if method == "POST" else None, issued.key)
                if isinstance(call, AwsCall) and not call.foreign:
                    return Link(url, issued.function, issued.environment, call, _ends(head, query))
                problem = problem or (call.foreign if isinstance(call, AwsCall) else call.problem)
        return _unread(url, issued, problem or "its signature covers headers whose values it does not say")

    def _headers(
        self, bare: Head, query: Mapping[str, str], issued: Issued
    ) -> Iterator[tuple[tuple[str, str], ...]]:
        """Yield the headers that may have been signed: of those but the host only a content type is tried."""
        length = (("content-length", "0"),) if bare.method in {"PUT", "POST"} else ()
        signed = set(query.get("X-Amz-SignedHeaders", "host").split(";")) - {"host", "content-length"}
        if not signed:
            yield length
        elif signed == {"content-type"} and bare.method == "PUT":
            import mimetypes  # Why here: few links need it

            near = dict.fromkeys(KINDS.findall(self._around[:65536])[:50])
            for kind in dict.fromkeys([*near, *sorted(set(mimetypes.types_map.values()))]):
                headers = (*length, ("content-type", kind))
                if self._signs(replace(bare, headers=bare.headers + headers), query, issued):
                    yield headers

    def _signs(self, head: Head, query: Mapping[str, str], issued: Issued) -> bool:
        try:
            signed = claimed(head, query)
            check_v4(head, signed, issued.key.secret_key, UNSIGNED_PAYLOAD, self._reading.now())
        except Unclear:
            return False
        return True


def _ends(head: Head, query: Mapping[str, str]) -> float:
    signed = claimed(head, query)
    return signed.expires if signed.kind == "v2-query" else instant(signed.stamp) + signed.expires


def _unread(text: str, issued: Issued, problem: str) -> Link:
    call = Call("s3", "", "", (), Effect())
    return Link(text, issued.function, issued.environment, call, problem=problem)


def _parsed(content: bytes) -> tuple[Any, bool]:
    try:
        return json.loads(content), True
    except (ValueError, RecursionError):
        return content.decode("utf-8", "surrogateescape"), False


def _dumped(value: Any, is_json: bool) -> bytes:
    if is_json:
        return json.dumps(value).encode()
    return str(value).encode("utf-8", "surrogateescape")


def _all_text(value: Any) -> str:
    """Return the texts of a value, one after the other."""

    def texts(node: Any) -> Iterable[str]:
        match node:
            case str():
                yield node
            case Mapping():
                for k, v in node.items():
                    yield from texts(k)
                    yield from texts(v)
            case list() | tuple():
                for v in node:
                    yield from texts(v)

    return "\n".join(texts(value))
