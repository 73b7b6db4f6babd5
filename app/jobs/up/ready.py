"""Whether a server answers, asked over a bare socket: one question, one try, no client library."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

_ONE_TRY = timedelta(seconds=2)
_PAUSE = timedelta(milliseconds=100)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Return when the check holds; it is asked ten times a second, for ever."""
    while not await check():  # noqa: ASYNC110 - what is asked is another process
        await asyncio.sleep(_PAUSE.total_seconds())


async def accepts(host: str, port: int) -> bool:
    """Whether something listens there."""
    return await _ask(host, port, b"", b"")


async def answers_ping(host: str, port: int) -> bool:
    """Whether a Redis is there that has read its data."""
    return await _ask(host, port, b"PING\r\n", b"+PONG")


async def answers_http(host: str, port: int, path: str) -> bool:
    """Whether a GET of the path is answered with 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return await _ask(host, port, request.encode(), b"HTTP/1.1 200")


async def _ask(host: str, port: int, question: bytes, answer: bytes) -> bool:
    try:
        async with asyncio.timeout(_ONE_TRY.total_seconds()):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question)
                return await reader.readexactly(len(answer)) == answer
            finally:
                writer.close()
    except (OSError, EOFError):  # TimeoutError is an OSError
        return False
