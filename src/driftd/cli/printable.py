"""Names that come from events and files, as a terminal may see them."""


def printable(text: str) -> str:
    """Return a text without what a terminal would obey: such characters are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
