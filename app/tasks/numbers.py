"""Tasks on numbers."""

import math
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from jobs import Job, task

SEGMENT = 1_000_000


class Primes(BaseModel):
    """The primes below a bound."""

    below: int
    count: int
    largest: int | None


@task(time_limit=timedelta(hours=1))
def count_primes(job: Job, below: Annotated[int, Field(ge=0, le=10**11)]) -> Primes:
    """Count the primes below a bound, a million numbers at a time; its progress can be watched."""
    small = _primes_below(math.isqrt(max(below - 1, 0)) + 1)
    count, largest = 0, None
    steps = math.ceil(below / SEGMENT)
    for step in range(steps):
        start = step * SEGMENT
        is_prime = _sieved(start, min(start + SEGMENT, below), small)
        count += is_prime.count(1)
        if (last := is_prime.rfind(1)) >= 0:
            largest = start + last
        job.progress(step + 1, steps, f"{count} primes so far")
    return Primes(below=below, count=count, largest=largest)


def _primes_below(bound: int) -> list[int]:
    is_prime = bytearray([1]) * bound
    is_prime[:2] = bytes(min(bound, 2))
    for number in range(2, math.isqrt(bound) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = bytes(len(range(number * number, bound, number)))
    return [number for number in range(bound) if is_prime[number]]


def _sieved(start: int, end: int, primes: list[int]) -> bytearray:
    """One byte for each number of the segment: 1 for a prime. `primes` reach the root of `end`."""
    is_prime = bytearray([1]) * (end - start)
    if start == 0:
        is_prime[:2] = bytes(min(end, 2))
    for prime in primes:
        first = max(prime * prime, -(-start // prime) * prime)
        is_prime[first - start :: prime] = bytes(len(range(first, end, prime)))
    return is_prime
