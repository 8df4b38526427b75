"""Text tables."""


def table(rows):
    """Return rows as text, a line each."""
    return "\n".join("\t".join(str(value) for value in row) for row in rows)
