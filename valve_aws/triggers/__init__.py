"""Who wakes whom, and what the event looks like.

Knows event shapes and how a batch is split by label. Does not know how a function is run nor how messages
are fetched.
"""

from valve_aws.triggers.filters import fits, readable
from valve_aws.triggers.queue import Batch, Message, batches, event, failed, record

__all__ = ["Batch", "Message", "batches", "event", "failed", "fits", "readable", "record"]
"""The queue's; others follow as rooms of their own file."""
