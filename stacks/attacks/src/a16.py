"""A16: read through a write: what it returns, why it fails, whether it does, and an index made for it.

Why by parts: each begins in an environment that has learned nothing, and a refusal alone would label it.
"""

import json

DIGITS = "0123456789abcdef"


def by_return(hands):
    change = {"UpdateExpression": "SET seen = :y", "ExpressionAttributeValues": {":y": {"S": "yes"}}}
    tell(hands, hands.call("dynamodb", "UpdateItem", **at(hands), **change, ReturnValues="ALL_NEW"))


def by_replacement(hands):
    item = {"id": {"S": hands.trial}, "text": {"S": "gone"}}
    tell(hands, hands.call("dynamodb", "PutItem", TableName="vault", Item=item, ReturnValues="ALL_OLD"))


def by_removal(hands):
    tell(hands, hands.call("dynamodb", "DeleteItem", **at(hands), ReturnValues="ALL_OLD"))


def by_failure(hands):
    """A condition that fails, and why."""
    item = {"id": {"S": hands.trial}, "text": {"S": "gone"}}
    tell(hands, hands.call("dynamodb", "PutItem", TableName="vault", Item=item, **absent()))


def by_cancellation(hands):
    """A transaction that is cancelled, and by what."""
    step = {"ConditionCheck": {**at(hands), **absent()}}
    tell(hands, hands.call("dynamodb", "TransactWriteItems", TransactItems=[step]))


def by_outcome(hands):
    """Whether a write succeeds, again and again: nothing is returned but that."""
    known = letter(hands, "", "psx")
    while len(known) < 20:
        known += letter(hands, known, DIGITS)
    said(hands, known)


def by_statement(hands):
    """In PartiQL, where one operation reads and writes; of a write the emulated cloud returns nothing."""
    told = {"Statement": """SELECT * FROM "vault" WHERE id = ?"""}
    tell(hands, hands.call("dynamodb", "ExecuteStatement", Parameters=[{"S": hands.trial}], **told))


def by_index(hands):
    """A second name for the table's items, made for the purpose."""
    index = {
        "IndexName": "by-text",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    named = [{"AttributeName": "id", "AttributeType": "S"}]
    made = {"AttributeDefinitions": named, "GlobalSecondaryIndexUpdates": [{"Create": index}]}
    if hands.call("dynamodb", "UpdateTable", TableName="vault", **made).status == 403:
        return
    asked = {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": hands.trial}}}
    tell(hands, hands.call("dynamodb", "Query", TableName="vault", IndexName="by-text", **asked))


def twin(hands):
    """The same writes without a look: who overwrites learns nothing."""
    text = hands.plain()
    item = {"id": {"S": hands.trial}, "text": {"S": text}}
    hands.call("dynamodb", "PutItem", TableName="vault", Item=item, ReturnValues="NONE")
    hands.call("dynamodb", "DeleteItem", **at(hands))
    said(hands, text)


def at(hands):
    return {"TableName": "vault", "Key": {"id": {"S": hands.trial}}}


def absent():
    return {
        "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def letter(hands, known, digits):
    """The next character, found by halves."""
    while len(digits) > 1:
        middle = len(digits) // 2
        change = {
            "UpdateExpression": "SET seen = :y",
            "ConditionExpression": "#t < :m",
            "ExpressionAttributeNames": {"#t": "text"},
            "ExpressionAttributeValues": {":y": {"S": "yes"}, ":m": {"S": known + digits[middle]}},
        }
        before = hands.call("dynamodb", "UpdateItem", **at(hands), **change).status == 200
        digits = digits[:middle] if before else digits[middle:]
    return digits


def tell(hands, answer):
    """Carry out what an answer shows of the item."""
    said(hands, json.dumps(answer.told, default=repr))


def said(hands, text):
    hands.call("sqs", "SendMessage", QueueUrl=hands.queue("open-jobs"), MessageBody=text)
