"""What is written of an error: its message and its traceback, bounded, whatever the error is and does."""

import json
import traceback

NOTE_MESSAGE_LIMIT = 1_000
"""Characters of an error's message that a job's history keeps."""
NOTE_TRACEBACK_LIMIT = 4_096
"""Bytes of its traceback that a job's history keeps: half from its beginning, half from its end."""
LEFT_OUT = "\n  […]\n"
CONTROLS = {code: " " for code in range(32) if chr(code) not in "\n\t"}
"""What JSON writes at six times its length."""


def failure_note(error: BaseException) -> str:
    """A failed attempt for its job's history: a JSON object with `error` (the class), `message`, `traceback`.

    Control characters but line ends and tabs become spaces, so that the whole stays below 16 KiB of UTF-8.
    """
    message = _plain(_message(error)[: NOTE_MESSAGE_LIMIT + 1])
    told = {
        "error": type(error).__name__[:200],
        "message": message if len(message) <= NOTE_MESSAGE_LIMIT else f"{message[: NOTE_MESSAGE_LIMIT - 1]}…",
        "traceback": _middle_out(written(error), NOTE_TRACEBACK_LIMIT),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def written(error: BaseException) -> str:
    """The error's traceback as Python prints it."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception as fault:  # noqa: BLE001 - it is the task's own class, and may do anything
        return f"{type(error).__name__}: its traceback cannot be written: {type(fault).__name__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as fault:  # noqa: BLE001 - as above
        return f"the message cannot be shown: {type(fault).__name__}"


def _middle_out(text: str, limit: int) -> str:
    """At most `limit` bytes of a text in UTF-8, half from its beginning, half from its end."""
    if len(text) > 2 * limit:
        text = text[:limit] + text[-limit:]  # the rest need not be looked at
    whole = _plain(text).encode()
    if len(whole) <= limit:
        return whole.decode()
    half = (limit - len(LEFT_OUT.encode())) // 2
    return whole[:half].decode(errors="ignore") + LEFT_OUT + whole[-half:].decode(errors="ignore")


def _plain(text: str) -> str:
    """The text without control characters, and without what UTF-8 lacks: lone surrogates."""
    return text.encode(errors="backslashreplace").decode().translate(CONTROLS)
