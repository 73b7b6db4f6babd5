"""Label selectors, as Kubernetes writes them: `pool=default,release in (a, b),!old`."""

import re
from collections.abc import Callable, Mapping

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_REQUIREMENT = re.compile(
    r"""\s*(?:
        !\s*(?P<absent>[^\s,!=<>()]+)
      | (?P<key>[^\s,!=<>()]+)
        (?: \s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
          | \s*(?P<sign>==?|!=|<|>)\s*(?P<value>[^\s,!=<>()]*)
        )?
    )\s*(?P<end>,|\Z)""",
    re.VERBOSE,
)
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


class SelectorMalformed(ValueError):
    """A text that is no label selector; the message says what of it."""


def selector(text: str) -> Test:
    """What the selector says of labels. An empty one holds for all.

    Raises:
        SelectorMalformed: it is none.
    """
    tests, at, more = [], 0, bool(text.strip())
    while more:
        found = _REQUIREMENT.match(text, at)
        if found is None:
            raise SelectorMalformed(f"unable to parse requirement at {text[at : at + 40]!r}")
        tests.append(_test(found))
        at, more = found.end(), found["end"] == ","
    return lambda labels: all(test(labels) for test in tests)


def _test(found: re.Match[str]) -> Test:
    key = _key(found["absent"] or found["key"])
    if found["absent"]:
        return lambda labels: key not in labels
    if found["set"] or found["sign"] in ("=", "==", "!="):
        # As Kubernetes reads them: `in ()` means `in ("")`, and what lacks the label is `!=` and `notin`.
        values = {_value(each.strip()) for each in (found["values"] or found["value"] or "").split(",")}
        if found["set"] == "notin" or found["sign"] == "!=":
            return lambda labels: labels.get(key) not in values
        return lambda labels: labels.get(key) in values
    if found["sign"]:
        return _compared(key, found["sign"], found["value"])
    return lambda labels: key in labels


def _compared(key: str, sign: str, value: str) -> Test:
    if not _WHOLE.fullmatch(value):
        raise SelectorMalformed(f"{value!r} is no whole number")
    bound = int(value)

    def test(labels: Labels) -> bool:
        given = labels.get(key, "")
        return bool(_WHOLE.fullmatch(given)) and (int(given) < bound if sign == "<" else int(given) > bound)

    return test


def _key(text: str) -> str:
    domain, slash, name = text.rpartition("/")
    fits = _NAME.fullmatch(name) and (not slash or (_DOMAIN.fullmatch(domain) and len(domain) <= 253))
    if not fits or text in ("in", "notin"):
        raise SelectorMalformed(f"{text!r} is no label's key")
    return text


def _value(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise SelectorMalformed(f"{text!r} is no label's value")
    return text
