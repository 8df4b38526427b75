"""Remembering what happened: one line for each crossing, in the order of the decisions.

Knows CloudTrail's shape and how a line is kept. Does not know what the lines mean together; `report/` reads
them again.
"""

from valve_aws.audit.line import decode, encode
from valve_aws.audit.sink import FileSink, read_records

__all__ = ["FileSink", "decode", "encode", "read_records"]
