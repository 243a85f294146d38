"""What is said, and to whom: the part that needs no host, so any Python can test it."""


def name_in(query: dict[str, list[str]]) -> str:
    """The name in a query, as in `?name=Ada`; else the world."""
    return query.get("name", ["world"])[0][:100]


def greeting(name: str, visits: int) -> str:
    """One line for a visitor."""
    return f"Hello, {name}! This is visit {visits}.\n"
