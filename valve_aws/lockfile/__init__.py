"""What the code of an application uses, in a file that is kept in git and held against every run.

Knows uses (function, operation, resource, host), their text and how two sets of them differ. Does not know
where records come from nor what may pass.
"""

from valve_aws.lockfile.difference import Difference, compare
from valve_aws.lockfile.files import NAME, load, save
from valve_aws.lockfile.reading import Lock, read
from valve_aws.lockfile.telling import told
from valve_aws.lockfile.use import Names, Seen, Use, uses
from valve_aws.lockfile.writing import renewed, written

__all__ = [
    "NAME",
    "Difference",
    "Lock",
    "Names",
    "Seen",
    "Use",
    "compare",
    "load",
    "read",
    "renewed",
    "save",
    "told",
    "uses",
    "written",
]
