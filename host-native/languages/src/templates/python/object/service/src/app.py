"""GET /?name=x tells how the counter x stands; POST /?name=x adds one.

To a caller an object looks like a resource: the constructor's name says which one is meant, and its
methods run there. Making one costs nothing and cannot fail; what can go wrong, a method tells.

`selvedge_http` comes with Selvedge; `wit_world` is generated from the WIT in `../wit`. Both are in
`bindings/` after the first build.
"""

import sys

import selvedge_http
from componentize_py_types import Err
from selvedge_http import Request, Response
from wit_world.imports.counters import Counter


class Handler(selvedge_http.Service):
    async def fetch(self, request: Request) -> Response:
        name = request.query.get("name", ["default"])[0][:100]
        try:
            # A resource is the host's: `with` gives it back.
            with Counter(name) as counter:
                match request.method:
                    case "GET" | "HEAD":
                        value = await counter.get()
                    case "POST":
                        value = await counter.add(1)
                    case _:
                        return Response("use GET or POST\n", 405)
        except Err as error:
            # Standard error is the log.
            print(f"counter {name}: {error.value}", file=sys.stderr)
            return Response("try again\n", 503)
        return Response(f"{name} stands at {value}\n")
