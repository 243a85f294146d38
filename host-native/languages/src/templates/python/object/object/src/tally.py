"""How a counter is stored: the part that needs no host, so any Python can test it."""

# The most that a counter can be.
MAX = 2**64 - 1


def number_in(stored: bytes | None) -> int:
    """The number in what was stored: eight bytes, the highest first; 0 where nothing was."""
    return int.from_bytes(stored) if stored and len(stored) == 8 else 0


def stored_as(value: int) -> bytes:
    """What is stored of a number."""
    return value.to_bytes(8)
