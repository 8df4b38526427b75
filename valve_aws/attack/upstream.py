"""A stranger without a credential, who asks the cloud for an object.

Knows one request. Does not know why it might be answered.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 10.0
"""Seconds."""


def anonymous(url: str, bucket: str, key: str) -> bytes | None:
    """Return an object's content as anybody may read it, None when not anybody may."""
    asked = f"{url}/{bucket}/{urllib.parse.quote(key)}"
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as reply:
            content: bytes = reply.read()
            return content
    except urllib.error.HTTPError:
        return None
