"""Remembering labels: what every cell carries, and what was lowered while somebody may still have been
reading.

Knows cells and tags. Does not know what a store accepts nor who may read; it answers, others judge.
"""

from valve_aws.labels.sqlite import SqliteBook
from valve_aws.labels.volatile import VolatileBook

__all__ = ["SqliteBook", "VolatileBook"]
