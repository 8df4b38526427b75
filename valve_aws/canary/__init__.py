"""Decoys that no honest code touches, and what looks for them in all that leaves: evidence, never a verdict.

Knows how decoys are made and the spellings in which they are found. Does not know where they are put, where
bytes come from, nor what is done about a find.
"""

from valve_aws.canary.decoy import Decoy, Flock, hatch
from valve_aws.canary.lookout import Lookout, Place, Sighting
from valve_aws.canary.telling import told

__all__ = ["Decoy", "Flock", "Lookout", "Place", "Sighting", "hatch", "told"]
