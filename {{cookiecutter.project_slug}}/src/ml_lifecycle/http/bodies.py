"""A body comes whole, in time, within its cap, and unpacked; else it is refused while it comes.

In: ASGI's receive. Out: the same for whoever reads on; 408, 413, 415 or 422 as exceptions, raised
where the body is read.
"""

import asyncio
import zlib
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

GZIP = 31  # zlib's word for a gzip frame
Unpack = Callable[[bytes, bool], bytes]


def within_limits(receive: Receive, seconds: float, most: int, encoding: bytes) -> Receive:
    """Return what receives a body by the deadline, and then waits as long as it takes.

    seconds: for the whole body; most: bytes, as sent and as unpacked; encoding: Content-Encoding.
    """
    end, more, size = asyncio.get_running_loop().time() + seconds, True, 0
    unpack = _unpacking(encoding.strip().lower(), most)

    async def received() -> Message:
        nonlocal more, size
        try:
            async with asyncio.timeout_at(end if more else None):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "the request came too slowly") from None
        if not more or message["type"] != "http.request":
            return message
        more = bool(message.get("more_body"))
        body = unpack(message.get("body", b""), not more)
        size += len(body)
        # The framework's own limit answers plain text, where every refusal of ours is JSON.
        if size > most:
            raise HTTPException(413, "the body is too large")
        return {**message, "body": body}

    return received


def _unpacking(encoding: bytes, most: int) -> Unpack:
    if encoding in (b"", b"identity"):
        return lambda part, _: part
    if encoding not in (b"gzip", b"x-gzip"):
        return _unknown
    packed, size = zlib.decompressobj(GZIP), 0

    def unpack(part: bytes, last: bool) -> bytes:
        nonlocal size
        try:
            # One byte beyond the cap is enough to know; the rest of a bomb stays packed.
            body = packed.decompress(part, most - size + 1)
        except zlib.error:
            raise _refused("no valid gzip") from None
        size += len(body)
        if last and size <= most and (not packed.eof or packed.unused_data):
            raise _refused("the gzip ends too early, or something follows it")
        return body

    return unpack


def _unknown(_: bytes, __: bool) -> bytes:
    raise HTTPException(415, "of Content-Encodings only gzip is known")


def _refused(why: str) -> HTTPException:
    return HTTPException(422, [{"loc": "body", "msg": why}])  # type: ignore[arg-type]
