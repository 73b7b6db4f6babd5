"""The formats of a record's arguments: 1 is their JSON as it is; 2 packs what is long.

A release reads every format before its own, and its own before it writes it: what a release writes, the one
before it reads. So both work on one ledger, and an upgrade and a rollback cross a change of format.
"""

import base64
import zlib

LONG = 1024
"""Characters of JSON below which packing saves nothing worth its time."""
PACKED = "z"


class LaterFormat(Exception):
    """A record of a release that is newer than this one."""


def pack(arguments: str, record_format: int) -> str:
    """Arguments as their record has them; the text that is shorter."""
    if record_format < 2 or len(arguments) < LONG:
        return arguments
    packed = PACKED + base64.b85encode(zlib.compress(arguments.encode(), 1)).decode()
    return min(arguments, packed, key=len)


def is_packed(arguments: str) -> bool:
    """Whether a record's arguments are anything else than JSON."""
    return arguments[:1] not in {"{", "["}


def unpack(arguments: str) -> str:
    """The JSON of a record's arguments.

    Raises:
        LaterFormat: this release does not know how they are packed.
    """
    if not is_packed(arguments):
        return arguments
    if not arguments.startswith(PACKED):
        raise LaterFormat(f"its arguments are packed as {arguments[:1]!r}")
    return zlib.decompress(base64.b85decode(arguments[1:])).decode()
