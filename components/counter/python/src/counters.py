"""A counter in Python: the object beside it in Rust, for the same callers.

The host keeps one live instance for each name and makes its `Counter` once. What the class holds lives
as long as that instance; what is put into storage lives on.

No method awaits anything, so each is one turn: nobody comes between its read and its write, and the
write is on disk before the caller has the answer. There is nothing to lock and to flush.
"""

import sys

from componentize_py_types import Err
from wit_world.exports import counters as world
from wit_world.exports.counters import Count
from wit_world.imports import storage
from wit_world.imports.durable_types import Error_Invalid, Error_Reset

# The one key that a counter stores: eight bytes, the highest first.
VALUE = "value"


class Counter(world.Counter):
    """The live instance of a counter."""

    def __init__(self, name: str) -> None:
        # Read from storage once in an instance's life.
        self.value: int | None = None
        self.visits = 0

    async def get(self) -> Count:
        return self.count(self.stored())

    async def add(self, by: int) -> Count:
        total = self.stored() + by
        if total >= 1 << 64:
            raise Err(Error_Invalid("the counter is full"))
        try:
            storage.put(VALUE, total.to_bytes(8))
        except Err as error:
            raise failed(error) from error
        # If the turn is not committed, this instance ends, and its memory with it: the two agree.
        self.value = total
        return self.count(total)

    def stored(self) -> int:
        if self.value is None:
            try:
                stored = storage.get(VALUE)
            except Err as error:
                raise failed(error) from error
            self.value = int.from_bytes(stored or b"")
        return self.value

    def count(self, value: int) -> Count:
        """Counts this visit."""
        self.visits += 1
        return Count(value, self.visits)


def failed(error: Err) -> Err:
    print(f"storage failed: {error.value}", file=sys.stderr)
    return Err(Error_Reset("storage failed"))
