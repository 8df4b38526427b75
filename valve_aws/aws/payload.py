"""The body of an upload, decoded while it streams, and verified before its last piece is let go.

Knows aws-chunked with and without signatures and trailers, and plain bodies with a hash or a digest. Does no
I/O. Source: S3 API Reference, "Signature calculations: transferring a payload in multiple chunks", with and
without trailers. """

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from valve_aws.aws.crossing import Stream
from valve_aws.aws.signing import EMPTY
from valve_aws.aws.streams import ALGORITHMS, CHECKSUMS, SIZES, digest_size
from valve_aws.aws.unclear import Unclear

LINE = 1024
"""Bytes of the longest chunk header or trailer line."""
CHUNK = 64 << 20
"""Bytes of the largest chunk (SDKs send 64 KiB to 16 MiB)."""
HELD_BACK = 64 << 10
"""Bytes that are never let go before the whole is verified: S3 refuses an upload that ends short of its
length."""
HEADER = re.compile(rb"([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?")


class Payload:
    """Feed it the client's bytes, pass on what it returns; `finish` returns the rest or refuses.

    Raises `Unclear` as soon as something is wrong; then nothing more may be sent and the upload must be cut.
    `length` is how many bytes it returns in all. A body whose checksum comes in a trailer is returned as
    aws-chunked anew, as `write` announces it.
    """

    def __init__(self, stream: Stream, anew: bool = True,
                 watch: Callable[[bytes], None] = lambda _: None) -> None:
        """`anew` False: return bare content even where a trailer goes with it. `watch` sees the decoded
        content before any of it is returned, and may raise."""
        self._watch = watch
        self._wrapping = Wrapping(stream) if stream.trailers and anew else None
        self.length = self._wrapping.length if self._wrapping else stream.length
        self._stream = stream
        self._given = 0
        self._held = bytearray()
        algorithms = [*stream.digests, *[CHECKSUMS[name] for name in stream.trailers]]
        self._digests: dict[str, Any] = {a: ALGORITHMS[a]() for a in algorithms if a in ALGORITHMS}
        self._whole = sha256() if stream.sha256 else None
        self._chunks = Chunks(stream) if stream.chunked else None

    def feed(self, piece: bytes) -> bytes:
        """Return content that may be sent on now; the last `HELD_BACK` bytes stay here until `finish`."""
        content = self._chunks.feed(piece) if self._chunks else piece
        if not content:
            return b""
        self._watch(content)
        self._given += len(content)
        if self._given > self._stream.length:
            raise Unclear("its body is longer than it said")
        for digest in self._digests.values():
            digest.update(content)
        if self._whole:
            self._whole.update(content)
        ready = self._pass(content)
        return self._wrapping.wrap(ready) if self._wrapping and ready else ready

    def _pass(self, content: bytes) -> bytes:
        """Return what may go, keeping the last bytes back."""
        if len(content) >= HELD_BACK:
            out = bytes(self._held) + content[:-HELD_BACK]
            self._held = bytearray(content[-HELD_BACK:])
            return out
        self._held += content
        spare = len(self._held) - HELD_BACK
        if spare <= 0:
            return b""
        out = bytes(self._held[:spare])
        del self._held[:spare]
        return out

    def finish(self, trailers: Sequence[tuple[str, str]] = ()) -> bytes:
        """Return the last bytes, once hash, signatures and digests are right; raises `Unclear` otherwise.

        `trailers` are those of HTTP's own chunking; aws-chunked brings its own in the body.
        """
        if trailers:
            raise Unclear("it has HTTP trailers, which S3 does not read")
        if self._chunks:
            self._chunks.finish()
        if self._given != self._stream.length:
            raise Unclear("its body is shorter than it said")
        if self._whole and not hmac.compare_digest(self._whole.hexdigest(), self._stream.sha256):
            raise Unclear("its body is not the one that was signed")
        stated = self._said()
        for algorithm, digest in self._digests.items():
            if base64.b64encode(digest.digest()).decode() != stated[algorithm]:
                raise Unclear(f"its body does not have the {algorithm} digest that it says")
        out = bytes(self._held)
        self._held.clear()
        return self._wrapping.end(out, self._chunks.trailers) if self._wrapping and self._chunks else out

    def _said(self) -> dict[str, str]:
        found = dict(self._stream.digests)
        if self._chunks:
            for name, value in self._chunks.trailers.items():
                found[CHECKSUMS[name]] = value
        return found


PIECE = 64 << 10
"""Bytes of content in each chunk that is written anew; at least 8 KiB, by S3's rule."""
FULL = len(f"{PIECE:x}\r\n\r\n") + PIECE
"""Bytes of such a chunk."""
END = {name: len(f"0\r\n{name}:\r\n\r\n") + -(-SIZES[of] // 3) * 4 for name, of in CHECKSUMS.items()}
"""Bytes of the last chunk, by the trailer that follows it."""


class Wrapping:
    """Wraps content as aws-chunked anew, unsigned, with the checksum that the client gave as its trailer.

    Why sent on: S3 keeps the checksum with the object, and checks the kinds that are not computed here.
    """

    def __init__(self, stream: Stream) -> None:
        (self._name,) = stream.trailers
        self._waiting = bytearray()
        full, rest = divmod(stream.length, PIECE)
        self.length = full * FULL + (len(f"{rest:x}\r\n\r\n") + rest if rest else 0) + END[self._name]
        """Bytes in all: every chunk but the last has one size, so it is known beforehand."""

    def wrap(self, content: bytes) -> bytes:
        """Return the chunks that are full."""
        self._waiting += content
        if len(self._waiting) < PIECE:
            return b""
        out = []
        while len(self._waiting) >= PIECE:
            out.append(b"%x\r\n%b\r\n" % (PIECE, bytes(self._waiting[:PIECE])))
            del self._waiting[:PIECE]
        return b"".join(out)

    def end(self, content: bytes, trailers: Mapping[str, str]) -> bytes:
        """Return the last chunks and the trailer."""
        out = self.wrap(content)
        if self._waiting:
            out += b"%x\r\n%b\r\n" % (len(self._waiting), bytes(self._waiting))
            self._waiting.clear()
        return out + f"0\r\n{self._name}:{trailers[self._name]}\r\n\r\n".encode()


class Chunks:
    """Takes aws-chunked apart: a state table of four states (`header`, `content`, `end`, `trailer`, then
    `done`)."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.trailers: dict[str, str] = {}
        self.state = "header"
        self._rest = b""
        """What has come of a line, or of a chunk's end."""
        self._left = 0
        self._last = False
        self._signature = ""
        self._previous = stream.seed
        self._trailer_block = b""

    def feed(self, piece: bytes) -> bytes:
        """Return the content in a piece. A signed chunk's content is returned before its signature is known
        to be right; what `Payload` holds back is at least the last chunk's last bytes, so the upload never
        completes."""
        text, at = self._rest + piece, 0
        out = []
        while self.state != "done":
            if self.state == "content":
                if content := text[at:at + self._left]:
                    at += len(content)
                    self._content(content)
                    out.append(content)
                if self._left:
                    break
                self.state = "end"
            if self.state == "end":
                if len(text) < at + 2:
                    break
                if not text.startswith(b"\r\n", at):
                    raise Unclear("its body has a chunk that is not as long as it says")
                at += 2
                self.state = "done" if self._last else "header"
                continue
            end = text.find(b"\r\n", at, at + LINE + 2)
            if end < 0:
                if len(text) > at + LINE:
                    raise Unclear("its body has a chunk that cannot be read")
                break
            line, at = text[at:end], end + 2
            if self.state == "header":
                self._header(line)
            else:
                self._trailer(line)
        if self.state == "done" and len(text) > at:
            raise Unclear("its body goes on after its last chunk")
        self._rest = text[at:]
        return out[0] if len(out) == 1 else b"".join(out)

    def finish(self) -> None:
        """Raise `Unclear` unless the last chunk and every announced trailer came."""
        if self.state != "done":
            raise Unclear("its body ends before its last chunk")

    def _header(self, line: bytes) -> None:
        found, signed = HEADER.fullmatch(line), self.stream.chunks_signed
        if not found or bool(found[2]) != signed or (size := int(found[1], 16)) > CHUNK:
            raise Unclear("its body has a chunk that cannot be read")
        self._left, self._last = size, not size
        self.state = "content" if size else "trailer" if self.stream.trailers else "end"
        if signed:
            self._signature = found[2].decode()
            self._hash = sha256()
            if not size:
                self._check(EMPTY)

    def _content(self, content: bytes) -> None:
        self._left -= len(content)
        if self.stream.chunks_signed:
            self._hash.update(content)
            if not self._left:
                self._check(self._hash.hexdigest())

    def _check(self, content_hash: str) -> None:
        stream = self.stream
        chain = f"{stream.stamp}\n{stream.scope}\n{self._previous}"
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{chain}\n{EMPTY}\n{content_hash}"
        made = hmac.digest(stream.key, text.encode(), "sha256").hex()
        if stream.key and not hmac.compare_digest(made, self._signature):
            raise Unclear("one of its chunks was changed after it was signed")
        self._previous = self._signature

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._trailers_done()
            return
        name, colon, value = line.partition(b":")
        low, text = name.decode("latin-1").strip().lower(), value.decode("latin-1").strip()
        if low == "x-amz-trailer-signature" and self.stream.chunks_signed:
            self._check_trailer(text)
            return
        if not colon or low not in self.stream.trailers or low in self.trailers:
            raise Unclear(f"its body ends with a trailer `{low[:60]}` that was not announced")
        if digest_size(text) != SIZES[CHECKSUMS[low]]:
            raise Unclear(f"its trailer `{low[:60]}` is not a digest of that kind")
        self.trailers[low] = text
        if self.stream.chunks_signed:
            self._trailer_block += f"{low}:{text}\n".encode()

    def _check_trailer(self, signature: str) -> None:
        stream = self.stream
        text = (f"AWS4-HMAC-SHA256-TRAILER\n{stream.stamp}\n{stream.scope}\n{self._previous}\n"
                f"{sha256(self._trailer_block).hexdigest()}")
        made = hmac.digest(stream.key, text.encode(), "sha256").hex()
        if stream.key and not hmac.compare_digest(made, signature):
            raise Unclear("its trailer was changed after it was signed")
        self._signature = "trailer"

    def _trailers_done(self) -> None:
        if set(self.trailers) != set(self.stream.trailers):
            raise Unclear("its body ends without the trailer that it announced")
        if self.stream.chunks_signed and self._signature != "trailer":
            raise Unclear("its trailer is not signed")
        self.state = "done"
