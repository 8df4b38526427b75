"""A call together with how its client spoke it.

Knows which protocol the reply must be in and how the body streams. Does not know what the call does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from valve_aws.model.call import Call
from valve_aws.model.value import value


@value
class Stream:
    """How a streamed body is spelled and what it must prove to be. Nothing here leaves with the request."""

    length: int
    """Bytes of content, decoded."""
    sha256: str = ""
    """What the content must hash to, in hexadecimal; "" when the client did not say."""
    chunked: bool = False
    """aws-chunked: pieces with their own lengths and perhaps signatures."""
    chunks_signed: bool = False
    trailers: tuple[str, ...] = ()
    """Headers that follow the last piece."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digest by algorithm (`md5`, `crc32`, `sha256`), base64, that the client gave beforehand."""
    seed: str = ""
    """The head's own signature, with which the chain of chunk signatures begins."""
    stamp: str = ""
    scope: str = ""
    key: bytes = field(default=b"", repr=False)


@value
class AwsCall(Call):
    """A call read off the wire. Compared like any call: how it was spelled does not count."""

    protocol: str = field(default="", compare=False)
    """`json`, `query`, `ec2`, `rest-json`, `rest-xml` or `smithy-rpc-v2-cbor`: what the client speaks."""
    stream: Stream | None = field(default=None, compare=False)
    site_account: str = field(default="", compare=False)
    """The account that the host name itself named, if any."""
    content: bytes | None = field(default=None, compare=False, repr=False)
    """The file of a posted form, held whole."""
    answer: int = field(default=0, compare=False)
    """The status by which a posted form is answered; 0 for every other call."""
