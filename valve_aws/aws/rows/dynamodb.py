"""Effect rows of DynamoDB.

Knows what each operation on items and tables looks at, shows and changes. Does not know where in a request
items are named, which is `items`, `expression` and `partiql`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from valve_aws.aws.rows import dynamodb_setup, items, partiql
from valve_aws.aws.rows.items import SILENT, Read, Write
from valve_aws.aws.rows.row import Asked, Extents, Given, Row, Service, Texts, listed
from valve_aws.model.cell import CONTENT, COUNTS, NAMES, ONE, Extent, Part, Span

READS = (
    Row("GetItem", "the attributes that the projection lets through, or that the item is not there",
        reveals="read capacity", actions="dynamodb:GetItem@read", leaves="read"),
    Row("BatchGetItem", "as GetItem, for each; keys left unprocessed tell that the others are large",
        reveals="read read-sizes", actions="dynamodb:BatchGetItem@read", leaves="read"),
    Row("TransactGetItems", "as GetItem, for each; reply limits tell that items are large",
        reveals="read read-sizes", actions="dynamodb:GetItem@read", leaves="read"),
    Row("Query", "every item of the key range, those that a filter drops included; pages end by size",
        reveals="read read-sizes", actions="dynamodb:Query@read", leaves="read index=IndexName"),
    Row("Scan", "every item of the table, those that a filter drops included; pages end by size",
        reveals="read read-sizes", actions="dynamodb:Scan@read", leaves="read index=IndexName"),
    Row("SearchVectors", "the nearest items are told by all items of the index", reveals="table-content",
        actions="dynamodb:SearchVectors@indexed", leaves="table=TableName index=IndexName"),
)

# Why sizes: an item may hold 400 KB, so an update that adds to one tells by its error how large the rest is.
WRITES = (
    Row("PutItem", "replaces the item; conditions and returned values tell what was there",
        reveals="answered capacity", changes="written", blind="silent", actions="dynamodb:PutItem@written",
        leaves="written"),
    Row("UpdateItem", "sets attributes; conditions, computed values and returned values tell what was there",
        reveals="answered written-sizes capacity", changes="written", blind="silent",
        actions="dynamodb:UpdateItem@written", leaves="written"),
    Row("DeleteItem", "the item goes; conditions and returned values tell what was there",
        reveals="answered capacity", changes="written", blind="silent", actions="dynamodb:DeleteItem@written",
        leaves="written"),
    Row("BatchWriteItem", "puts and deletes without conditions", reveals="capacity", changes="written",
        blind="silent", actions="dynamodb:BatchWriteItem@written", leaves="written"),
    Row("TransactWriteItems",
        "each step as on its own; one failed condition cancels all, and the reasons tell which",
        reveals="answered written-sizes capacity", changes="written", blind="silent",
        actions="dynamodb:PutItem@put dynamodb:UpdateItem@update dynamodb:DeleteItem@delete "
                "dynamodb:ConditionCheckItem@check", leaves="written token=ClientRequestToken"),
)

PARTIQL = ("dynamodb:PartiQLSelect@read dynamodb:PartiQLInsert@put dynamodb:PartiQLUpdate@update "
           "dynamodb:PartiQLDelete@delete")

STATEMENTS = (
    Row("ExecuteStatement", "a query, or a write that fails unless the item is (or is not) there",
        reveals="read read-sizes answered written-sizes", changes="written", actions=PARTIQL,
        leaves="read written"),
    Row("BatchExecuteStatement", "as ExecuteStatement, for each",
        reveals="read read-sizes answered written-sizes", changes="written", actions=PARTIQL,
        leaves="read written"),
    Row("ExecuteTransaction",
        "as ExecuteStatement, for each; one that fails cancels all, and the reasons tell which",
        reveals="read read-sizes answered written-sizes", changes="written", actions=PARTIQL,
        leaves="read written token=ClientRequestToken"),
)

Touched = tuple[Sequence[Read], Sequence[Write]]

TOUCHES: dict[str, Callable[[Asked, Any], Touched]] = {
    "GetItem": lambda asked, p: ([items.get(asked, p)], ()),
    "BatchGetItem": lambda asked, p: (items.batch(asked, p), ()),
    "TransactGetItems": lambda asked, p: (items.transact_get(asked, p), ()),
    "Query": lambda asked, p: ([items.query(asked, p)], ()),
    "Scan": lambda asked, p: ([items.scan(asked, p)], ()),
    "PutItem": lambda asked, p: ((), [items.put(asked, p)]),
    "UpdateItem": lambda asked, p: ((), [items.update(asked, p)]),
    "DeleteItem": lambda asked, p: ((), [items.delete(asked, p)]),
    "BatchWriteItem": lambda asked, p: ((), items.batch_write(asked, p)),
    "TransactWriteItems": lambda asked, p: ((), items.transact(asked, p)),
    "ExecuteStatement": lambda asked, p: partiql.touched(asked, [p]),
    "BatchExecuteStatement": lambda asked, p: partiql.touched(asked, listed(p["Statements"])),
    "ExecuteTransaction": lambda asked, p: partiql.touched(asked, listed(p["TransactStatements"])),
}


def _touched(asked: Asked) -> Touched:
    found: Touched | None = asked.memo.get("touched")
    if found is None:
        found = asked.memo["touched"] = TOUCHES[asked.operation](asked, asked.params)
    return found


def _read(asked: Asked) -> list[Extent]:
    found = []
    for r in _touched(asked)[0]:
        found.append(Extent(r.table, CONTENT, r.span, r.name, r.attributes))
        found.append(Extent(r.table, NAMES, r.span, r.name))
    return found


def _read_sizes(asked: Asked) -> list[Extent]:
    return [Extent(r.table, Part.COUNTS, r.span, r.name) for r in _touched(asked)[0]]


def _item(w: Write, part: Part, attributes: frozenset[str] | None = None) -> Extent:
    """The item; where its name cannot be told, all of them."""
    return Extent(w.table, part, Span.ALL if w.name is None else ONE, w.name or "", attributes)


def _written(asked: Asked) -> list[Extent]:
    found = []
    for w in _touched(asked)[1]:
        if w.kind == "check":
            continue
        found += [_item(w, CONTENT, w.changed), _item(w, NAMES), _item(w, COUNTS)]
        if w.name is None:
            # Why a cell without a name beside all that are known: this may be a new one, and it must be found
            # again.
            found += [Extent(w.table, part, ONE) for part in (CONTENT, NAMES, COUNTS)]
    return found


def _written_sizes(asked: Asked) -> list[Extent]:
    return [_item(w, Part.COUNTS) for w in _touched(asked)[1] if w.kind == "update"]


def _answered(asked: Asked) -> list[Extent]:
    found = []
    for w in _touched(asked)[1]:
        if w.answered is None or w.answered:
            found.append(_item(w, CONTENT, w.answered))
        if w.told:
            found.append(_item(w, NAMES))
    return found


def _capacity(asked: Asked) -> list[Extent]:
    """Consumed capacity tells an item's size, old or new; item collection metrics tell a partition's."""
    found = []
    if asked.params.get("ReturnConsumedCapacity") not in SILENT:
        found += _read_sizes(asked) + [_item(w, Part.COUNTS) for w in _touched(asked)[1]]
    if asked.params.get("ReturnItemCollectionMetrics") not in SILENT:
        for w in _touched(asked)[1]:
            head, slash, _ = (w.name or "").partition("/")
            found.append(Extent(w.table, Part.COUNTS, Span.PREFIX if slash else Span.ALL, head + slash))
    return found


def silent(asked: Asked) -> bool:
    """No condition, nothing computed, nothing returned."""
    for w in _touched(asked)[1]:
        if w.told:
            return False
    return not _capacity(asked)


def _of(kind: str) -> Texts:
    return lambda asked: [w.table for w in _touched(asked)[1] if kind in {"", w.kind}]


def _sources(asked: Asked) -> list[str]:
    return [f"{r.table}/index/{r.index}" if r.index else r.table for r in _touched(asked)[0]]


def _leaving(reads: bool) -> Callable[[Asked], list[tuple[str, str]]]:
    def at(asked: Asked) -> list[tuple[str, str]]:
        found: Sequence[Read | Write] = _touched(asked)[0 if reads else 1]
        return [("item", f"{each.table.rpartition('/')[2]}/{each.name or ''}") for each in found]
    return at


EXTENTS: dict[str, Extents] = {
    "read": _read,
    "read-sizes": _read_sizes,
    "written": _written,
    "written-sizes": _written_sizes,
    "answered": _answered,
    "capacity": Given(frozenset({"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"}), _capacity),
    **dynamodb_setup.EXTENTS,
}
"""`read`: content and names of what is read. `written`: content, name and size of what is written.
`answered`: what conditions, errors, computed and returned values tell. `*-sizes`, `capacity`: what limits and
figures tell of sizes.
"""

SERVICE = Service(
    rows=READS + WRITES + STATEMENTS + dynamodb_setup.ROWS,
    extents=EXTENTS,
    arns={
        "read": _sources,
        "written": _of(""),
        "put": _of("put"),
        "update": _of("update"),
        "delete": _of("delete"),
        "check": _of("check"),
        **dynamodb_setup.ARNS,
    },
    openers=dynamodb_setup.OPENERS,
    proofs={"silent": silent},
    leaves={"read": _leaving(True), "written": _leaving(False)},
)
