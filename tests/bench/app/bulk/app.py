"""A function that moves a GiB up or down without ever holding it."""

import io
import os

import boto3

s3 = boto3.client("s3")
BLOCK = bytes(1 << 20)


class Zeros(io.RawIOBase):
    """So many zero bytes, seekable as botocore wants it."""

    def __init__(self, size):
        self.size, self.at = size, 0

    def readable(self):
        """Say yes."""
        return True

    def seekable(self):
        """Say yes."""
        return True

    def tell(self):
        """Return the place."""
        return self.at

    def seek(self, offset, whence=0):
        """Go to a place."""
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def read(self, size=-1):
        """Return the next zero bytes."""
        left = self.size - self.at
        size = min(left, len(BLOCK), size if size is not None and size >= 0 else left)
        self.at += size
        return BLOCK[:size]


def handler(event, context):
    """Move `size` bytes `up` or `down`; answer how many went."""
    size = event["size"]
    if event["way"] == "up":
        s3.put_object(Bucket=os.environ["BUCKET"], Key="large", Body=Zeros(size))
        return size
    body, found = s3.get_object(Bucket=os.environ["BUCKET"], Key="large")["Body"], 0
    while piece := body.read(1 << 20):
        found += len(piece)
    return found
