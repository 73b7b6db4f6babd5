"""The certificate that all replicas share, as a Secret keeps it.

tls.crt, tls.key, ca.crt        what is shown, and the authority by which it is believed
next.crt, next.key, next-ca.crt what is shown next, once the API server believes it
previous-ca.crt                 of what was shown before: a replica may not have heard yet
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from jobs.adapter.certificates import Certified, Unusable, usable_until
from jobs.adapter.terms import Pair


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What a Secret holds."""

    shown: Certified
    until: datetime
    """When what is shown is over."""
    next: Certified | None = None
    previous: str = ""
    """The authority of what was shown before."""

    @classmethod
    def of(cls, data: Mapping[str, str], names: tuple[str, ...]) -> "Shared":
        """As a Secret has it.

        Raises:
            Unusable: what it has cannot be shown for these names.
        """
        text = {key: _decoded(value) for key, value in data.items()}
        shown = _certified(text, "tls.crt", "tls.key", "ca.crt")
        until = usable_until(shown, names)
        following = _certified(text, "next.crt", "next.key", "next-ca.crt")
        return cls(
            shown=shown, until=until, next=following if _is_usable(following, names) else None,
            previous=text.get("previous-ca.crt", ""),
        )  # fmt: skip

    def data(self) -> dict[str, str]:
        """As it stands in a Secret."""
        text = {
            "tls.crt": self.shown.pair.certificate, "tls.key": self.shown.pair.key,
            "ca.crt": self.shown.authority,
        }  # fmt: skip
        if self.next:
            pair = self.next.pair
            text |= {"next.crt": pair.certificate, "next.key": pair.key, "next-ca.crt": self.next.authority}
        if self.previous:
            text["previous-ca.crt"] = self.previous
        return {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}

    def authorities(self) -> str:
        """All whose certificates may be shown by a replica now, or soon."""
        all_of_them = [self.shown.authority, self.next.authority if self.next else "", self.previous]
        return "".join(f"{each.strip()}\n" for each in dict.fromkeys(all_of_them) if each.strip())

    def with_next(self, certified: Certified) -> "Shared":
        return replace(self, next=certified)

    def advanced(self, names: tuple[str, ...]) -> "Shared":
        """With the next one shown.

        Raises:
            Unusable: it cannot be.
        """
        if self.next is None:
            raise Unusable("there is no next one")
        return Shared(shown=self.next, until=usable_until(self.next, names), previous=self.shown.authority)


def _certified(text: Mapping[str, str], certificate: str, key: str, authority: str) -> Certified:
    pair = Pair(certificate=text.get(certificate, ""), key=text.get(key, ""))
    return Certified(pair=pair, authority=text.get(authority, ""))


def _is_usable(certified: Certified, names: tuple[str, ...]) -> bool:
    try:
        usable_until(certified, names)
    except Unusable:
        return False
    return True


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError, TypeError):
        return ""
