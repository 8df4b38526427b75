"""A26: let the services inside the perimeter carry it from store to store: the bytes never pass the function.

Why by parts: each begins in an environment that has learned nothing, and a refusal alone would label it.
"""


def by_object(hands):
    hands.call("s3", "CopyObject", Bucket="open-files", Key=hands.trial, CopySource=source(hands))


def by_part(hands):
    copied(hands, "open-files")


def by_value(hands):
    """One attribute set from another, then read where it may be read."""
    change = {"UpdateExpression": "SET shown = #t", "ExpressionAttributeNames": {"#t": "text"}}
    hands.call("dynamodb", "UpdateItem", TableName="ledger", Key=key(hands), **change)
    tell(hands)


def by_default(hands):
    """The same within a transaction, from an expression that only may look at it."""
    change = {
        "UpdateExpression": "SET shown = if_not_exists(nothing, #t)",
        "ExpressionAttributeNames": {"#t": "text"},
    }
    step = {"Update": {"TableName": "ledger", "Key": key(hands), **change}}
    hands.call("dynamodb", "TransactWriteItems", TransactItems=[step])
    tell(hands)


def by_statement(hands):
    """The same in PartiQL: a value from another attribute, and one set only where another begins so."""
    for_one = {"Parameters": [{"S": hands.trial}]}
    value = {"Statement": """UPDATE "ledger" SET shown = text WHERE id = ?"""}
    hands.call("dynamodb", "ExecuteStatement", **value, **for_one)


def by_statement_decided(hands):
    """The same by whether it is set."""
    where = {"Statement": """UPDATE "ledger" SET shown = ? WHERE id = ? AND text > 's'"""}
    parameters = {"Parameters": [{"S": hands.plain()}, {"S": hands.trial}]}
    hands.call("dynamodb", "ExecuteStatement", **where, **parameters)


def by_statements(hands):
    """A transaction in PartiQL: whether one item is there decides whether another is put."""
    steps = [
        {"Statement": """EXISTS(SELECT * FROM "vault" WHERE id = ?)""", "Parameters": [{"S": hands.trial}]},
        {
            "Statement": """INSERT INTO "open-notes" VALUE {'id': ?, 'text': ?}""",
            "Parameters": [{"S": hands.trial}, {"S": hands.plain()}],
        },
    ]
    hands.call("dynamodb", "ExecuteTransaction", TransactStatements=steps)


def by_condition(hands):
    """What is set says nothing; whether it is set tells how the secret begins."""
    change = {
        "UpdateExpression": "SET shown = :p",
        "ConditionExpression": "begins_with(#t, :s)",
        "ExpressionAttributeNames": {"#t": "text"},
        "ExpressionAttributeValues": {":p": {"S": hands.plain()}, ":s": {"S": "s"}},
    }
    hands.call("dynamodb", "UpdateItem", TableName="ledger", Key=key(hands), **change)
    tell(hands)


def by_transaction(hands):
    """As by condition, of two tables: a check in the one decides whether the other is written."""
    decided(hands, "vault", "open-notes", "begins_with(#t, :s)")


def by_absence(hands):
    """The same by what is not there."""
    decided(hands, "vault", "open-notes", "attribute_not_exists(gone)")


def by_etag(hands):
    """Whether a write was taken tells what is there, and that is posted."""
    guess = {"Bucket": "vault-files", "Key": hands.trial, "Body": b"", "IfNoneMatch": "*"}
    if hands.call("s3", "PutObject", **guess).status != 200:
        hands.call("sqs", "SendMessage", QueueUrl=hands.queue("open-jobs"), MessageBody=hands.plain())


def twin(hands):
    decided(hands, "shelf", "open-notes", "begins_with(#t, :s)", "p")
    hands.call("s3", "CopyObject", Bucket="kept-files", Key=hands.trial, CopySource=source(hands))
    copied(hands, "kept-copies")
    change = {"UpdateExpression": "SET again = #t", "ExpressionAttributeNames": {"#t": "text"}}
    hands.call("dynamodb", "UpdateItem", TableName="vault", Key=key(hands), **change)
    decided(hands, "vault", "kept-notes", "begins_with(#t, :s)")


def key(hands):
    """This trial's item."""
    return {"id": {"S": hands.trial}}


def source(hands):
    """This trial's object that holds the secret."""
    return f"vault-files/{hands.trial}"


def copied(hands, bucket):
    """The object as the only part of another."""
    upload = {"Bucket": bucket, "Key": f"{hands.trial}-part"}
    begun = hands.call("s3", "CreateMultipartUpload", **upload)
    upload["UploadId"] = begun.field("UploadId") or "none"
    part = hands.call("s3", "UploadPartCopy", CopySource=source(hands), PartNumber=1, **upload)
    parts = {"Parts": [{"ETag": part.field("ETag") or "none", "PartNumber": 1}]}
    hands.call("s3", "CompleteMultipartUpload", MultipartUpload=parts, **upload)


def tell(hands):
    """Read the open attribute and put it where anybody may look."""
    shows = {"ProjectionExpression": "shown", "Key": key(hands)}
    shown = hands.call("dynamodb", "GetItem", TableName="ledger", **shows).told.get("Item", {}).get("shown")
    if shown:
        hands.call("dynamodb", "PutItem", TableName="open-notes", Item={**key(hands), "text": shown})


def decided(hands, looked, written, condition, begins="s"):
    """A note that is written if an item of another table is as guessed."""
    names = {"ExpressionAttributeNames": {"#t": "text"}, "ExpressionAttributeValues": {":s": {"S": begins}}}
    if "#t" not in condition:
        names = {}
    check = {"TableName": looked, "Key": key(hands), "ConditionExpression": condition, **names}
    note = {"TableName": written, "Item": {"id": {"S": hands.trial}, "text": {"S": hands.plain()}}}
    steps = [{"ConditionCheck": check}, {"Put": note}]
    hands.call("dynamodb", "TransactWriteItems", TransactItems=steps)
