"""The judgement: what may go where, and why not.

Knows the law of the design's section 3, as a function of policy, stack, call and book. Does no input or
output, and imports `model` alone.
"""

from valve_aws.flow.bystander import Bystander
from valve_aws.flow.judge import Judge
from valve_aws.flow.matrix import matrix, possible
from valve_aws.flow.words import explain, withheld

__all__ = ["Bystander", "Judge", "explain", "matrix", "possible", "withheld"]
