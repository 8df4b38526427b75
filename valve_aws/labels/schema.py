"""The label book's tables and statements.

Knows SQL. Does not know when a statement is run.
"""

from functools import cache

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
  PRIMARY KEY (generation, store, part, name, attribute, record)
) WITHOUT ROWID;
-- Why although most calls find three rows there and could look through all: a rise of a whole store has one
-- for each of its cells, and until it is settled every other call's would be looked for among them.
CREATE INDEX IF NOT EXISTS under_way_by_record ON under_way (record);
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
GET_CELL = f"SELECT tags, version, gone, rose FROM cell WHERE {CELL}"
NEW_CELL = "INSERT OR IGNORE INTO cell VALUES (?,?,?,?,?,?,?,?,?,?)"
PUT_CELL = "INSERT OR REPLACE INTO cell VALUES (?,?,?,?,?,?,?,?,?,?)"
SAME_LABEL = f"UPDATE cell SET tags = ?, version = ?, gone = 0 WHERE {CELL}"
"""Who put the tags there is another, or its version, no more: the index by label stays as it is."""
TAKE_CELL = f"DELETE FROM cell WHERE {CELL}"
CELLS_OF = {
    where: f"SELECT name, attribute, tags, version FROM cell WHERE {where}" for where in (ONE, NAMELESS)
}
LABEL_AFTER = f"SELECT min(label) FROM cell WHERE {ALL} AND label > ?"
WITH_LABEL = "SELECT name, attribute, tags, '' FROM cell INDEXED BY cell_by_label WHERE {} AND label = ?"
"""The braces are for what limits it to a part of the store. Why the index by name: SQLite would walk through
all that stands before the first cell with the label."""
LOWERED = "SELECT name, attribute, tags FROM lowered WHERE {} AND until > ?"
CROSS = f"UPDATE under_way SET crossed = 1 WHERE {CELL} AND record <> ?"
BIND = f"UPDATE cell SET version = ?, gone = 0 WHERE {CELL}"
GONE = f"UPDATE cell SET gone = 1 WHERE {CELL}"
PUT_LOWERED = "INSERT INTO lowered VALUES (?,?,?,?,?,?,?)"
FORGET_LOWERED = "DELETE FROM lowered WHERE until < ?"
UNDER_WAY = "SELECT record, store, part, name, attribute, tags, replaces, owner FROM under_way"
WANTED = f"SELECT tags FROM under_way WHERE {CELL}"
MINE = f"SELECT tags, made, crossed FROM under_way WHERE {CELL} AND record = ?"
OPENED = (
    "SELECT generation, store, part, name, attribute, tags, made, replaces, crossed FROM under_way "
    "WHERE record = ?"
)
CLOSE = "DELETE FROM under_way WHERE record = ?"
"""Why not `RETURNING`: SQLite gathers what it returns in a table of its own, which costs more than all else
that a write asks for."""
PRESENT = (
    "SELECT value, (SELECT CASE WHEN count(*) > 1000 THEN 1 << 60 ELSE count(*) END "
    "FROM (SELECT 1 FROM under_way LIMIT 1001)) FROM fact WHERE name = 'stamp'"
)
"""The stamp, and how many rises are under way, of any process. More than are worth counting count as so many
that they never come to an end."""
NEXT_STAMP = "UPDATE fact SET value = ? WHERE name = 'stamp' AND value = ?"


WIDTH = 11
"""Columns of `under_way`."""


@cache
def put_under_way(rows: int) -> str:
    """Return the statement that writes down some rises: one for all costs less than one for each."""
    row = f"({','.join('?' * WIDTH)})"
    return f"INSERT OR REPLACE INTO under_way VALUES {','.join([row] * rows)}"


KEPT_STAMPS = 200_000
"""How many rises back a lowered label is still remembered. A call lasts at most 15 minutes (Lambda's
longest time-out), and a
book takes some ten thousand rises in a minute of the hardest work."""
