"""`/python/notes`: keeps notes in a key-value store. `../README.md` says what it answers; the other
languages' folders beside this one hold the same service.

`selvedge_http` comes with Selvedge and hides how WASI passes bodies; `wit_world` is generated from the
WIT. Both are in `bindings/` after the first build, for editors to find.
"""

import re
import sys
from urllib.parse import urlsplit

import selvedge_http
from componentize_py_types import Err
from selvedge_http import BodyTooLarge, OriginError, Request, Response
from wit_world.imports import keyvalue, random

STORE = "notes"
TEXT_BYTES_MAX = 65_536
NOTES = re.compile(r"/([^/]*)/notes")
NOTE = re.compile(r"/[^/]*/notes/([0-9a-f]{16})")


class Refusal(Exception):
    """Why a request is not answered as its client wished."""

    def __init__(self, status: int, reason: str, allow: str | None = None):
        super().__init__(reason)
        headers = {"allow": allow} if allow else {}
        self.response = Response.json({"reason": reason}, status, headers)


class Handler(selvedge_http.Service):
    async def fetch(self, request: Request) -> Response:
        try:
            if found := NOTES.fullmatch(request.path):
                return await notes(request, found[1])
            if found := NOTE.fullmatch(request.path):
                return await note(request, found[1])
            raise Refusal(404, "there is no such note")
        except Refusal as refusal:
            return refusal.response


async def notes(request: Request, route: str) -> Response:
    match request.method:
        case "GET" | "HEAD":
            return Response.json(await ids())
        case "POST":
            sources = request.query.get("from")
            text = await fetched(sources[0]) if sources else await posted(request)
            name = f"{random.get_random_u64():016x}"
            await write(name, text)
            location = f"/{route}/notes/{name}"
            return Response.json({"id": name, "text": text}, 201, {"location": location})
        case _:
            raise Refusal(405, "a note cannot do that", allow="GET, HEAD, POST")


async def note(request: Request, name: str) -> Response:
    match request.method:
        case "GET" | "HEAD":
            text = await read(name)
            if text is None:
                raise Refusal(404, "there is no such note")
            return Response.json({"id": name, "text": text})
        case "DELETE":
            await delete(name)
            return Response(status=204)
        case _:
            raise Refusal(405, "a note cannot do that", allow="GET, HEAD, DELETE")


# --- texts, from the request or from elsewhere


async def posted(request: Request) -> str:
    try:
        return decoded(await request.body(TEXT_BYTES_MAX))
    except BodyTooLarge:
        raise Refusal(413, f"a note has {TEXT_BYTES_MAX} bytes at most") from None
    except ValueError:
        raise Refusal(400, "a note is a text in UTF-8") from None


async def fetched(url: str) -> str:
    """The text that a GET of `url` brings: the one call that leaves this service."""
    if not is_web(url):
        raise Refusal(400, "`from` is a URL that begins with http:// or https://")
    try:
        response = await selvedge_http.fetch(url)
    except OriginError as error:
        print(f"origin {url}: {error}", file=sys.stderr)
        raise Refusal(502, "the origin cannot be reached") from None
    if not 200 <= response.status < 300:
        raise Refusal(502, "the origin has no such text")
    try:
        return decoded(await response.body(TEXT_BYTES_MAX))
    except (BodyTooLarge, ConnectionError, ValueError) as error:
        print(f"origin {url}: {error!r}", file=sys.stderr)
        raise Refusal(502, "what the origin sent is no note") from None


def is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def decoded(body: bytes) -> str:
    if not body:
        raise ValueError("empty")
    return body.decode()


# --- the store


async def ids() -> list[str]:
    with await opened() as bucket:
        page = await done(bucket.list("", None, None))
    return [key.name for key in page.keys]


async def read(name: str) -> str | None:
    with await opened() as bucket:
        value = await done(bucket.get(name))
    return None if value is None else value.decode(errors="replace")


async def write(name: str, text: str) -> None:
    with await opened() as bucket:
        await done(bucket.set(name, text.encode(), None))


async def delete(name: str) -> None:
    with await opened() as bucket:
        await done(bucket.delete(name))


async def opened() -> keyvalue.Bucket:
    return await done(keyvalue.open(STORE))


async def done(call):
    """What a call to the store brings; its failures are for the log, not for the client."""
    try:
        return await call
    except Err as error:
        print(f"store {STORE!r}: {error.value}", file=sys.stderr)
        raise Refusal(500, "the notes cannot be reached, try again") from None
