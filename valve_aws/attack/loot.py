"""Markers and the forms in which one may be found again.

Knows encodings. Does not know where anything is looked for.
"""

from __future__ import annotations

import base64
import zlib
from functools import lru_cache

CIPHER = 0x2A
"""What stands for encryption: nobody who does not know it reads the text."""


@lru_cache(4096)
def forms(marker: str) -> tuple[str, ...]:
    """Return how a marker may be written: as it is, backwards, in hexadecimal, enciphered, in base32, in
    base64 at each offset.

    A marker is of lower-case letters and digits, so that it may stand in a host name, and percent-encoding
    changes nothing.
    """
    raw = marker.encode()
    sixty_four = [base64.b64encode(b"\0" * pad + raw).decode().rstrip("=") for pad in range(3)]
    # Why cut: the characters at both ends depend on what stands beside the marker.
    inner = [text[(0, 2, 3)[pad] : len(text) - 1] for pad, text in enumerate(sixty_four)]
    hidden = bytes(byte ^ CIPHER for byte in raw).hex()
    return (marker, marker[::-1], raw.hex(), hidden, base64.b32encode(raw).decode().rstrip("=")[:-1], *inner)


def carries(text: str, marker: str) -> bool:
    """Say whether a text carries a marker in one of its forms."""
    plain, *others = forms(marker)
    return plain in text or plain in text.lower() or any(form in text for form in others)


def unpacked(content: bytes) -> str:
    """Return content as text, and beside it what it is when it is compressed."""
    text = content.decode("utf-8", "replace")
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        try:
            return (
                text + "\n" + zlib.decompressobj(bits).decompress(content, 1 << 20).decode("utf-8", "replace")
            )
        except zlib.error:
            continue
    return text
