"""Every bound that the proxy keeps, in one value, each with where the figure comes from.

Knows numbers. Does not know who counts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. A test or an operator may narrow them; nothing reads them from a
    file."""

    head: int = 64 * 1024
    """Request or status line with all headers. S3 takes 8 KB of headers; tokens and presigned targets need
    more."""
    own_head: int = 1024 * 1024 + 64 * 1024
    """The same at the address that the valve answers itself, the Runtime API's: a runtime tells the trace of
    an error in a header of up to 1 MiB (awslambdaric, `post_invocation_error`)."""
    obs_text: bool = False
    """Whether a field value may hold bytes outside ASCII (RFC 9110 §5.5): at that same address alone, as
    awslambdaric writes the words of an error as they are."""
    target: int = 32 * 1024
    headers: int = 100
    """Apache's LimitRequestFields."""
    wide: bool = False
    """Any header may come twice, and have `_` in its name: for a server that hands them to a function as an
    event, and to no other server."""
    chunk: int = 64 * 1024
    """The largest piece of a body that is handed over, and the size of one read from a socket."""
    chunk_digits: int = 8
    """Hexadecimal digits of a chunk's size: up to 4 GiB a chunk, and S3 takes no more than 5 GiB in one
    request."""
    extension: int = 256
    """Chunk extensions of one chunk; they are dropped."""
    extensions: int = 16 * 1024
    """Chunk extensions of one whole body (CVE-2023-39326 was their lack of a bound)."""
    trailer: int = 8 * 1024
    trailers: int = 20
    queued: int = 128 * 1024
    """What has been received and not yet read; above it the socket is not read."""
    connections: int = 256
    """Of one environment at one time; a Lambda environment has 1,024 descriptors in all."""
    peek: float = 0.3
    """How long the first byte may take where the destination is declared as raw TCP: then the server speaks
    first."""
    silence: float = 3.0
    """The same where nothing is declared and the port is not HTTP's own."""
    handshake: float = 10.0
    head_seconds: float = 20.0
    """From a head's first byte to its last (Apache's RequestReadTimeout header=20)."""
    idle: float = 960.0
    """Between two requests of one connection: a Lambda runtime waits 900 s for its function before it asks
    again."""
    body_seconds: float = 20.0
    """How long any one piece of a body may take (Apache's RequestReadTimeout body=20)."""
    body_rate: int = 500
    """Bytes a second that a body must reach on average while it is being waited for (Apache's
    MinRate=500)."""
    stall: float = 60.0
    """How long the other side may leave its receive window shut."""
    drain: int = 64 * 1024 * 1024
    """What is read and thrown away of an upload that was answered early, so that the answer is seen."""
    drain_seconds: float = 5.0
    linger: float = 1.0
    """How long what follows malformed bytes is thrown away, for the same reason."""
    hello: int = 16 * 1024
    """A TLS ClientHello, over all its records (RFC 8446 §4.1.2 with post-quantum shares takes about 2 KB)."""
    connect: float = 5.0
    """Reaching an upstream: TCP and TLS together."""
    answer: float = 120.0
    """An upstream's first byte of a response. SQS holds a long poll for 20 s, Step Functions for 60 s."""
    pool: int = 64
    """Idle upstream connections of one target."""
    pool_idle: float = 20.0
    names: int = 4096
    """Names that one environment may have an address for."""
    lookups: int = 64
    """DNS questions of one environment that are being judged at one time."""
    dns_port: int = 53


LIMITS = Limits()
