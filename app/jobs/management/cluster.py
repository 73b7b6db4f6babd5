"""How a command that runs in a pod reaches Kubernetes' API: its options, and what they come to."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from jobs.kubernetes import ACCOUNT, Kubernetes, own_namespace


class NoPod(Exception):
    """Nothing says which namespace is meant; the message is one line."""


def add_options(parser: CommandParser) -> None:
    """Where the API is, and by which account it is called. `--namespace` is each command's own."""
    add = parser.add_argument
    add("--kubernetes", default=settings.KUBERNETES, metavar="URL",
        help="Kubernetes' API (KUBERNETES_SERVICE_HOST and _PORT, as every pod has them)")  # fmt: skip
    add("--account", type=Path, default=ACCOUNT, metavar="DIR",
        help=f"the service account: token, ca.crt, namespace ({ACCOUNT})")  # fmt: skip


def reached(told: dict[str, Any]) -> tuple[Kubernetes, str]:
    """The API, and the namespace that is meant: the one that was said, or this pod's.

    Raises:
        NoPod: none was said, and this is none.
    """
    account: Path = told["account"]
    namespace = told["namespace"] or own_namespace(account)
    if not namespace:
        raise NoPod(f"this is no pod ({account} is absent): say --namespace")
    kubernetes = Kubernetes(
        told["kubernetes"], token_file=account / "token", authority_file=account / "ca.crt"
    )
    return kubernetes, namespace
