"""What stands upstream of the valve: an embedded cloud, or an endpoint that somebody else runs.

Knows how to start moto, find LocalStack, fill either from a template and a seed, and where requests go. Does
not know labels.
"""

from valve_aws.backend.endpoint import Endpoint, endpoint
from valve_aws.backend.process import Moto, NotStarted, Standing, fill
from valve_aws.backend.seed import Seed, read_seed
from valve_aws.backend.upstream import Found, find, same

__all__ = [
    "Endpoint", "Found", "Moto", "NotStarted", "Seed", "Standing", "endpoint", "fill", "find", "read_seed",
    "same",
]
