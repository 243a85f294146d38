"""A counter: one live instance for each name, wherever it is called from.

No method awaits anything, so each is one turn: nobody comes between its read and its write, and what it
wrote is on disk before the caller has the answer. There is nothing to lock.

The file has the name of the interface that the object exports, and the class that of its resource.
`wit_world` is generated from the WIT in `../wit`; it is in `bindings/` after the first build.
"""

import sys

from componentize_py_types import Err
from tally import MAX, number_in, stored_as
from wit_world.exports.counters import Counter as Exported
from wit_world.imports import storage
from wit_world.imports.durable_types import Error_Invalid, Error_Reset

KEY = "value"


class Counter(Exported):
    def __init__(self, name: str) -> None:
        # What the instance holds lives as long as it does; what is put into storage lives on.
        self.value: int | None = None

    async def get(self) -> int:
        if self.value is None:
            self.value = number_in(done(storage.get, KEY))
        return self.value

    async def add(self, by: int) -> int:
        value = await self.get() + by
        if value > MAX:
            raise Err(Error_Invalid("the counter is full"))
        done(storage.put, KEY, stored_as(value))
        self.value = value
        return value


def done(call, *arguments):
    """What a call to storage brings; what went wrong is for the log."""
    try:
        return call(*arguments)
    except Err as error:
        print(f"storage failed: {error.value}", file=sys.stderr)
        raise Err(Error_Reset("storage failed")) from None
