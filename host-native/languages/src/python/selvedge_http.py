"""Answers HTTP, and asks other servers, over `wasi:http@0.3`.

    class Handler(selvedge_http.Service):
        async def fetch(self, request: Request) -> Response:
            return Response.json({"hello": request.path})

A component's module `app` has one class `Handler`. Many requests may be in it at once: one runs while
others await.
"""

import json as _json
import traceback
from collections.abc import AsyncIterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import componentize_py_async_support
import wit_world
from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import http_types as types

try:
    from wit_world.imports import http_client as _client
except ImportError:
    # The world has no outbound calls.
    _client = None

# How much of a body is asked for at once.
PIECE_BYTES = 65536

_trailers = wit_world.result_option_http_types_fields_http_types_error_code_future
_outcome = wit_world.result_unit_http_types_error_code_future

_METHODS = {
    name: getattr(types, f"Method_{name.capitalize()}")
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
}
_NAMES = {kind: name for name, kind in _METHODS.items()}

Body = str | bytes | AsyncIterable[bytes] | None


class BodyTooLarge(Exception):
    """A body is longer than was allowed."""


class OriginError(Exception):
    """Another server did not answer; `code` is the `ErrorCode` of WASI."""

    def __init__(self, code: Any):
        super().__init__(type(code).__name__.removeprefix("ErrorCode_"))
        self.code = code


class Headers:
    """Lines of a header; names in any case."""

    def __init__(self, lines: list[tuple[str, bytes]]):
        self._lines = lines

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a name."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        """All values of a name."""
        name = name.lower()
        return [value.decode("latin-1") for key, value in self._lines if key.lower() == name]

    def items(self) -> list[tuple[str, str]]:
        """All lines in their order."""
        return [(key, value.decode("latin-1")) for key, value in self._lines]


class _Incoming:
    """A message whose body is still to be read."""

    def __init__(self, message: Any):
        self._message = message

    @property
    def headers(self) -> Headers:
        """The header, as long as the body was not read."""
        with self._message.get_headers() as fields:
            return Headers(fields.copy_all())

    async def chunks(self):
        """The body piece by piece; once."""
        _, done = _outcome(lambda: Ok(None))
        body, trailers = type(self._message).consume_body(self._message, done)
        with body:
            while not body.writer_dropped:
                piece = await body.read(PIECE_BYTES)
                if piece:
                    yield piece
        # A body that broke off ends as a whole one does; only the trailers tell them apart.
        end = await trailers.read()
        if isinstance(end, Err):
            raise ConnectionError(f"the body broke off: {type(end.value).__name__}")

    async def body(self, bytes_max: int | None = None) -> bytes:
        """The whole body.

        Raises: `BodyTooLarge` as soon as it is longer than `bytes_max`.
        """
        pieces, length = [], 0
        async for piece in self.chunks():
            length += len(piece)
            if bytes_max is not None and length > bytes_max:
                raise BodyTooLarge
            pieces.append(piece)
        return b"".join(pieces)

    async def text(self) -> str:
        """The whole body as text."""
        return (await self.body()).decode()

    async def json(self) -> Any:
        """The whole body as what its JSON says."""
        return _json.loads(await self.body())


class Request(_Incoming):
    """A request that came in."""

    def __init__(self, request: types.Request):
        super().__init__(request)
        method = request.get_method()
        self.method: str = _NAMES.get(type(method)) or method.value
        self.target: str = request.get_path_with_query() or "/"
        self.path, _, self._query = self.target.partition("?")

    @property
    def query(self) -> dict[str, list[str]]:
        """The values of the query by their names, decoded."""
        return parse_qs(self._query, keep_blank_values=True)


class OriginResponse(_Incoming):
    """What another server answered."""

    def __init__(self, response: types.Response):
        super().__init__(response)
        self.status: int = response.get_status_code()


class Response:
    """An answer."""

    def __init__(self, body: Body = None, status: int = 200, headers: dict[str, str] | None = None):
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> "Response":
        """An answer in JSON."""
        text = _json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(text, status, {"content-type": "application/json"} | (headers or {}))


class Service(exports.Handler):
    """A service: overwrite `fetch`."""

    async def fetch(self, request: Request) -> Response:
        """Answers a request."""
        raise NotImplementedError

    async def handle(self, request: types.Request) -> types.Response:
        """What the host calls."""
        try:
            asked = Request(request)
            answer = await self.fetch(asked)
            return _response(answer, asked.method)
        except Err:
            raise
        except Exception as error:
            traceback.print_exc()
            raise Err(types.ErrorCode_InternalError(repr(error))) from error


def _response(answer: Response, method: str) -> types.Response:
    body = answer.body
    lines = [(name, value.encode()) for name, value in answer.headers.items()]
    if isinstance(body, bytes) and "content-length" not in answer.headers:
        lines.append(("content-length", str(len(body)).encode()))
    if method == "HEAD":
        body = None
    _, trailers = _trailers(lambda: Ok(None))
    contents = None if body is None else _sending(body)
    response, _ = types.Response.new(types.Fields.from_list(lines), contents, trailers)
    if answer.status != 200:
        response.set_status_code(answer.status)
    return response


def _sending(body: bytes | AsyncIterable[bytes]) -> Any:
    """A stream that gives a body, while the message is on its way already."""
    writer, reader = wit_world.byte_stream()

    async def send() -> None:
        with writer:
            if isinstance(body, bytes):
                await writer.write_all(body)
                return
            async for piece in body:
                if writer.reader_dropped:
                    return
                await writer.write_all(piece)

    componentize_py_async_support.spawn(send())
    return reader


async def fetch(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, body: Body = None
) -> OriginResponse:
    """Asks another server, which the manifest has to grant (`allow-hosts`).

    Raises: `OriginError` where it does not answer.
    """
    if _client is None:
        raise RuntimeError("the world does not import wasi:http/client")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http or https URL: {url}")
    body = body.encode() if isinstance(body, str) else body
    lines = [(name.lower(), value.encode()) for name, value in (headers or {}).items()]
    if isinstance(body, bytes):
        lines.append(("content-length", str(len(body)).encode()))
    _, trailers = _trailers(lambda: Ok(None))
    contents = None if body is None else _sending(body)
    request, _ = types.Request.new(types.Fields.from_list(lines), contents, trailers, None)
    kind = _METHODS.get(method.upper())
    request.set_method(kind() if kind else types.Method_Other(method))
    request.set_scheme(types.Scheme_Https() if parts.scheme == "https" else types.Scheme_Http())
    request.set_authority(parts.netloc)
    request.set_path_with_query((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    try:
        return OriginResponse(await _client.send(request))
    except Err as error:
        raise OriginError(error.value) from error
