"""The table of attacks, one file for each letter of the classes, one row for each class.

Knows what is tried and how it must end. Does not know how it is tried.
"""

from valve_aws.attack.attack import by_ident
from valve_aws.attack.table import a, b, c, d, e, f

ATTACKS = by_ident((*a.ROWS, *b.ROWS, *c.ROWS, *d.ROWS, *e.ROWS, *f.ROWS))
"""Id → row."""
