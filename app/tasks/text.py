"""Tasks on texts."""

import asyncio
import hashlib
import re
import sys
import unicodedata
from collections import Counter
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from jobs import task


class Processed(BaseModel):
    """A text, processed."""

    processed_data: str


@task
def process(data: str) -> Processed:
    """Upper-case a text."""
    return Processed(processed_data=data.upper())


class WordCounts(BaseModel):
    """The words of a text."""

    words: int = Field(description="How many words the text has.")
    distinct: int = Field(description="How many different words it has.")
    counts: dict[str, int] = Field(description="How often each occurs, the most frequent first.")


@task
def count_words(text: str, minimum_count: Annotated[int, Field(ge=1)] = 1) -> WordCounts:
    """Count how often each word occurs in a text, whatever its script and case.

    Words are letters and digits with the marks that belong to them, joined by apostrophes and
    hyphens inside. Scripts that put no space between words (Chinese, Thai) give whole phrases.
    """
    found = Counter(_word().findall(_folded(text)))
    table = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))
    return WordCounts(
        words=found.total(),
        distinct=len(found),
        counts={word: count for word, count in table if count >= minimum_count},
    )


def _folded(text: str) -> str:
    """The text with one spelling for each word; case folding can take a composed letter apart again."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@cache
def _word() -> re.Pattern[str]:
    r"""A word. `\w` alone would cut Hindi at its vowel signs and Persian at its zero-width joiners."""
    marks = "".join(
        chr(point) for point in range(sys.maxunicode) if unicodedata.category(chr(point))[0] == "M"
    )
    part = rf"(?:[^\W_][{re.escape(marks)}\u200c\u200d]*)+"
    return re.compile(rf"{part}(?:['’‐-]{part})*")


@task
async def digest_texts(
    texts: Annotated[list[str], Field(max_length=10_000)],
    algorithm: Literal["sha256", "sha512", "blake2b"] = "sha256",
) -> list[str]:
    """Give the digest of each text's UTF-8, in hexadecimal and in the texts' order."""
    chosen = getattr(hashlib, algorithm)

    async def digest(text: str) -> str:
        # hashlib lets go of the interpreter while it computes, so these threads do run side by side.
        return str((await asyncio.to_thread(chosen, text.encode())).hexdigest())

    return await asyncio.gather(*map(digest, texts))
