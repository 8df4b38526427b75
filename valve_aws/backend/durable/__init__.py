"""AWS's own local runner of durable executions, beside the cloud.

Knows how it is started and ended. Does not know what is asked of it.
"""

from valve_aws.backend.durable.process import REMEDY, Runner

__all__ = ["REMEDY", "Runner"]
