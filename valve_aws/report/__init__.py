"""Reading records again: why a call was refused, and the way a label came.

Knows records and how people want to see them. Does not know how a decision is made nor where records are
kept.
"""

from valve_aws.report.flows import Flows, Place
from valve_aws.report.path import Step, trace
from valve_aws.report.refusal import explanation, refusal
from valve_aws.report.tally import Tally
from valve_aws.report.words import short

__all__ = ["Flows", "Place", "Step", "Tally", "explanation", "refusal", "short", "trace"]
