"""A line of progress on a terminal."""

import shutil
import sys


def progress(text: str) -> None:
    """Show how far it is, in one line that the next overwrites; nothing where no terminal reads."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{text[:width]:<{width}}\r")
        sys.stderr.flush()
