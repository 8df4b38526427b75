"""Attacks across the workflow.

Knows what each calls, the rule that refuses it and where it would be found. Does not know how it is tried.
"""

from valve_aws.attack.attack import Attack

ROWS: tuple[Attack, ...] = ()
