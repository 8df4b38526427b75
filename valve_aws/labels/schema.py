"""The label book's tables and statements.

Knows SQL. Does not know when a statement is run.
"""

FORMAT = "2"
"""The shape of the tables; a book of another shape is refused, never guessed at."""

FACTS = "CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value) WITHOUT ROWID"
"""What every form of the file has; the other tables are made once the form is known."""

TABLES = """
CREATE TABLE IF NOT EXISTS cell (
  generation TEXT, store TEXT, part TEXT, name TEXT, attribute TEXT,
  tags TEXT NOT NULL,             -- {"tag": "record that put it there"}, sorted
  label TEXT NOT NULL,            -- ["tag"], sorted: the tags alone
  version TEXT NOT NULL,          -- what the label is bound to, "" where the service has none
  gone INTEGER NOT NULL,          -- 1: a tombstone
  rose INTEGER NOT NULL,          -- the stamp of its last rise
  PRIMARY KEY (generation, store, part, name, attribute)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cell_by_label ON cell (generation, store, part, label, name, attribute);
CREATE TABLE IF NOT EXISTS under_way (
  record TEXT, generation TEXT, store TEXT, part TEXT, name TEXT, attribute TEXT,
  tags TEXT NOT NULL,             -- the label that this rise wants there
  made INTEGER NOT NULL,          -- 1: the cell did not exist before
  replaces INTEGER NOT NULL,
  crossed INTEGER NOT NULL,       -- 1: another rise of the cell overlapped: which came last is unknown
  owner TEXT NOT NULL,
  PRIMARY KEY (record, generation, store, part, name, attribute)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS under_way_by_cell ON under_way (generation, store, part, name, attribute);
CREATE TABLE IF NOT EXISTS lowered (
  generation TEXT, store TEXT, part TEXT, name TEXT, attribute TEXT, tags TEXT NOT NULL, until INTEGER NOT
  NULL
);
CREATE INDEX IF NOT EXISTS lowered_by_time ON lowered (until);
"""

ONE = "generation = ? AND store = ? AND part = ? AND name = ?"
PREFIX = "generation = ? AND store = ? AND part = ? AND name >= ? AND name < ?"
NAMELESS = "generation = ? AND store = ? AND part = ? AND (name = '' OR name >= '?' AND name < '@')"
"""Cells that a record stands for (`?r-7c1e`) until their names are known, and the one for deliveries."""
ALL = "generation = ? AND store = ? AND part = ?"

CELL = "generation = ? AND store = ? AND part = ? AND name = ? AND attribute = ?"
PUT_CELL = "INSERT OR REPLACE INTO cell VALUES (?,?,?,?,?,?,?,?,?,?)"
SAME_LABEL = f"UPDATE cell SET tags = ?, gone = 0 WHERE {CELL}"
"""Who put the tags there is another, no more: the index by label stays as it is."""
LABEL_AFTER = f"SELECT min(label) FROM cell WHERE {ALL} AND label > ?"
WITH_LABEL = "SELECT name, attribute, tags, '' FROM cell INDEXED BY cell_by_label WHERE {} AND label = ?"
"""The braces are for what limits it to a part of the store. Why the index by name: SQLite would walk through
all that stands before the first cell with the label."""
LOWERED = "SELECT name, attribute, tags FROM lowered WHERE {} AND until > ?"
PUT_UNDER_WAY = "INSERT OR REPLACE INTO under_way VALUES (?,?,?,?,?,?,?,?,?,?,?)"
CLOSE = (
    "DELETE FROM under_way WHERE record = ? "
    "RETURNING generation, store, part, name, attribute, tags, made, replaces, crossed"
)
NEXT_STAMP = (
    "UPDATE fact SET value = value + 1 WHERE name = 'stamp' "
    "RETURNING value, EXISTS (SELECT 1 FROM under_way)"
)
"""Gives the stamp, and whether any rise at all is under way, of any process."""

KEPT_STAMPS = 200_000
"""How many rises back a lowered label is still remembered. A call lasts at most 15 minutes (Lambda's
longest time-out), and a
book takes some ten thousand rises in a minute of the hardest work."""
