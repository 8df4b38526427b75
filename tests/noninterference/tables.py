"""Tables of the small cloud: items, conditions, expressions of a few forms, transactions.

Knows the forms that `calls` makes. Does not know any other expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from valve_aws.aws import names
from valve_aws.model.stack import KeySchema

Item = dict[str, str]
Answer = tuple[Any, bool]
"""What is shown, and whether it failed."""


class Failed(Exception):
    """A condition that does not hold."""


class Tables:
    """Items by table and name."""

    def __init__(self, schemas: Mapping[str, KeySchema]) -> None:
        self.schemas = schemas
        self.items: dict[str, dict[str, Item]] = {t: {} for t in schemas}

    def answer(self, operation: str, p: Mapping[str, Any]) -> Answer:
        """Carry one operation out."""
        try:
            return self.WORDS[operation](self, p), False
        except Failed as why:
            return ("error", str(why)), True

    def _at(self, p: Mapping[str, Any], member: str = "Key") -> tuple[dict[str, Item], str]:
        table = next(t for t in self.items if t.endswith("/" + p["TableName"]))
        return self.items[table], names.item(p[member], self.schemas[table])

    def _test(self, p: Mapping[str, Any], held: Item | None) -> None:
        text = p.get("ConditionExpression", "")
        value = p.get("ExpressionAttributeValues", {}).get(":c", {}).get("S")
        holds = {
            "": True,
            "attribute_not_exists(pk)": held is None,
            "attribute_exists(pk)": held is not None,
            "a = :c": held is not None and held.get("a") == value,
        }[text]
        if not holds:
            raise Failed(f"ConditionalCheckFailed {p.get('ReturnValuesOnConditionCheckFailure') and held}")

    def get(self, p: Mapping[str, Any]) -> Any:
        table, name = self._at(p)
        return sorted(table.get(name, {}).items())

    def put(self, p: Mapping[str, Any]) -> Any:
        table, name = self._at(p, "Item")
        held = table.get(name)
        self._test(p, held)
        table[name] = {k: v["S"] for k, v in p["Item"].items()}
        return sorted((held or {}).items()) if p.get("ReturnValues") == "ALL_OLD" else None

    def delete(self, p: Mapping[str, Any]) -> Any:
        table, name = self._at(p)
        held = table.get(name)
        self._test(p, held)
        table.pop(name, None)
        return sorted((held or {}).items()) if p.get("ReturnValues") == "ALL_OLD" else None

    def update(self, p: Mapping[str, Any]) -> Any:
        table, name = self._at(p)
        held = table.get(name)
        self._test(p, held)
        keys = {k: v["S"] for k, v in p["Key"].items()}
        new = {**keys, **(held or {})}
        if p["UpdateExpression"] == "SET a = b":
            if "b" not in new:
                raise Failed("ValidationException")
            new["a"] = new["b"]
        else:
            new["a"] = p["ExpressionAttributeValues"][":a"]["S"]
        table[name] = new
        return sorted(new.items()) if p.get("ReturnValues") == "ALL_NEW" else None

    def query(self, p: Mapping[str, Any]) -> Any:
        table = next(held for t, held in self.items.items() if t.endswith("/" + p["TableName"]))
        values = p.get("ExpressionAttributeValues", {})
        found = [i for _, i in sorted(table.items()) if ":p" not in values or i["pk"] == values[":p"]["S"]]
        scanned = len(found)
        if ":f" in values:
            found = [i for i in found if i.get("a") == values[":f"]["S"]]
        shown = len(found) if p.get("Select") == "COUNT" else [sorted(i.items()) for i in found]
        return scanned, shown

    def batch_get(self, p: Mapping[str, Any]) -> Any:
        return [
            self.get({"TableName": table, "Key": key})
            for table, wanted in p["RequestItems"].items()
            for key in wanted["Keys"]
        ]

    def batch_write(self, p: Mapping[str, Any]) -> Any:
        for table, requests in p["RequestItems"].items():
            for request in requests:
                ((kind, wanted),) = request.items()
                (self.put if kind == "PutRequest" else self.delete)({"TableName": table, **wanted})

    def transact(self, p: Mapping[str, Any]) -> Any:
        before = {t: {k: dict(v) for k, v in held.items()} for t, held in self.items.items()}
        does = {"Put": self.put, "Update": self.update, "Delete": self.delete, "ConditionCheck": self._check}
        try:
            for step in p["TransactItems"]:
                ((kind, wanted),) = step.items()
                does[kind](wanted)
        except Failed:
            self.items.update(before)
            raise

    def _check(self, p: Mapping[str, Any]) -> None:
        table, name = self._at(p)
        self._test(p, table.get(name))

    WORDS: ClassVar[dict[str, Callable[[Tables, Mapping[str, Any]], Any]]] = {
        "GetItem": get,
        "PutItem": put,
        "DeleteItem": delete,
        "UpdateItem": update,
        "Query": query,
        "Scan": query,
        "BatchGetItem": batch_get,
        "BatchWriteItem": batch_write,
        "TransactWriteItems": transact,
    }
