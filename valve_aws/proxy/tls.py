"""One TLS conversation in memory: ciphertext in, plaintext out, and the other way round.

Knows the ssl module's memory buffers. Does not know sockets.
"""

from __future__ import annotations

import ssl

READ = 256 * 1024


class Tls:
    """The server's side of TLS over bytes that someone else carries."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "ended", "ready")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.ready = False
        """The handshake is over."""
        self.ended = False
        """The other side has said that nothing follows."""

    def receive(self, ciphertext: bytes) -> bytes:
        """Take ciphertext in and return the plaintext that it completes. Raises ssl.SSLError; see
        `outgoing` after it."""
        self._incoming.write(ciphertext)
        pieces: list[bytes] = []
        try:
            if not self.ready:
                self._tls.do_handshake()
                self.ready = True
            while piece := self._tls.read(READ):
                pieces.append(piece)
                if not self._incoming.pending and not self._tls.pending():
                    # Why: reading once more would only raise, and an SSLError costs as much as the read.
                    return piece if len(pieces) == 1 else b"".join(pieces)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(pieces)

    def send(self, plaintext: bytes) -> bytes:
        """Return the ciphertext of `plaintext`."""
        self._tls.write(plaintext)
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Return what the handshake, or an alert, has to say."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """Return the notice that nothing follows."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass
        return self.outgoing()
