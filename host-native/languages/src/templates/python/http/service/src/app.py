"""Greets whoever asks, and counts how often: GET /?name=Ada

`selvedge_http` comes with Selvedge and hides how WASI passes bodies; `wit_world` is generated from the
WIT in `../wit`. Both are in `bindings/` after the first build, for editors to find.
"""

import sys

import selvedge_http
from componentize_py_types import Err
from greeting import greeting, name_in
from selvedge_http import Request, Response
from wit_world.imports import keyvalue

# The store's name in selvedge.toml.
STORE = "{{name}}"


class Handler(selvedge_http.Service):
    # Called for each request. While one awaits something, others are answered in the same instance.
    async def fetch(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response("use GET\n", 405)
        name = name_in(request.query)
        try:
            return Response(greeting(name, await count_visit(name)))
        except Err as error:
            # Standard error is the log. The visitor need not know what went wrong.
            print(f"store {STORE}: {error.value}", file=sys.stderr)
            return Response("try again\n", 503)


async def count_visit(name: str) -> int:
    """Adds one to the visits of a name. Two visits at the same time may count as one: a store is made
    for many reads and few writes. What has to be exact belongs into a durable object."""
    # A resource is the host's: `with` gives it back.
    with await keyvalue.open(STORE) as visits:
        known = await visits.get(name)
        count = int(known) + 1 if known and known.isdigit() else 1
        await visits.set(name, str(count).encode(), None)
        return count
