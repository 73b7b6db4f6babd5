"""`manage.py adapter`: the load of the workers, for Kubernetes' HorizontalPodAutoscaler."""

import json
import sys
from argparse import ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from jobs.adapter.command import CannotStart, Options, run
from jobs.adapter.keeper import Place
from jobs.autoscale import Signal
from jobs.kubernetes import EXTERNAL_METRICS, Manifest
from jobs.management.cluster import NoPod, add_options, reached
from jobs.management.teaching import TeachingCommand

_HELP = """Serve Kubernetes' external metrics API (external.metrics.k8s.io/v1beta1) for one namespace:
the metric taskbell_autoscale_load, which is the jobs of a pool that wait or run. A
HorizontalPodAutoscaler with an External metric sizes the workers by it.

It runs in a pod, behind an APIService. Only the API server is answered, by the client
certificate that ConfigMap kube-system/extension-apiserver-authentication tells of; /healthz,
/livez and /readyz answer everybody. When Redis is away the metric is a 503, and the autoscaler
leaves the workers as they are.

Its own certificate is made, kept in a Secret that all replicas share, put into the APIService's
caBundle, and exchanged at two thirds of its life. With --tls-cert and --tls-key it is yours,
and neither Secret nor APIService is touched.

SIGTERM: no new connections; those that are there end with their next answer, within seconds."""
_EPILOG = """the service account may:
  get                       configmaps  extension-apiserver-authentication, in kube-system
  get and update            secrets     the one of --secret, in its own namespace (create, if it is absent)
  get and patch             apiservices the one of --api-service; create, by its name, with --registration

examples:
  manage.py adapter --release shop --service shop-adapter --secret shop-adapter-tls
  manage.py adapter --tls-cert /tls/tls.crt --tls-key /tls/tls.key
  kubectl get --raw "/apis/external.metrics.k8s.io/v1beta1/namespaces/NS/taskbell_autoscale_load"
"""


class Command(TeachingCommand):
    """See `_HELP`."""

    help, epilog = _HELP, _EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--host", default="", help="the address to listen at (all, IPv4 and IPv6)")
        add("--port", type=int, default=6443, help="the port (6443)")
        add("--release", default="taskbell", help="the value of the metric's label `release` (taskbell)")
        add("--service", default="taskbell-adapter", help="the Service in front of it (taskbell-adapter)")
        add("--namespace", help="the namespace that it is in and serves (the service account's)")
        add(
            "--secret", default="taskbell-adapter-tls", help="the certificate's Secret (taskbell-adapter-tls)"
        )
        add("--api-service", default=EXTERNAL_METRICS, metavar="NAME",
            help=f"the APIService ({EXTERNAL_METRICS})")  # fmt: skip
        add("--registration", type=_metadata, metavar="JSON",
            help="make an APIService that is absent, with these labels and annotations (do not)")  # fmt: skip
        add("--certificate-seconds", type=_seconds, default=timedelta(days=90), metavar="SECONDS",
            help="how long a certificate is valid (7776000, which is 90 days)")  # fmt: skip
        add(
            "--tls-cert",
            type=Path,
            metavar="FILE",
            help="a certificate of yours, as PEM; read again on change",
        )
        add("--tls-key", type=Path, metavar="FILE", help="its key")
        add_options(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            sys.exit(run(_options(options), Signal()))
        except (CannotStart, NoPod) as error:
            sys.stderr.write(f"adapter: {error}\n")
            sys.exit(2)


def _options(told: dict[str, Any]) -> Options:
    if bool(told["tls_cert"]) != bool(told["tls_key"]):
        raise CannotStart("--tls-cert and --tls-key need each other")
    kubernetes, namespace = reached(told)
    place = Place(
        namespace=namespace, service=told["service"], secret=told["secret"], api_service=told["api_service"],
        life=told["certificate_seconds"], registration=told["registration"],
    )  # fmt: skip
    files = (told["tls_cert"], told["tls_key"]) if told["tls_cert"] else None
    return Options(
        host=told["host"], port=told["port"], release=told["release"], place=place, kubernetes=kubernetes,
        files=files,
    )  # fmt: skip


def _metadata(text: str) -> Manifest:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found.keys() <= {"labels", "annotations"}:
        raise ArgumentTypeError('must be JSON: {"labels": {…}, "annotations": {…}}')
    return found


def _seconds(text: str) -> timedelta:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10 * 366 * 86400):
        raise ArgumentTypeError(f"{text} is no whole number of seconds, up to ten years")
    return timedelta(seconds=int(text))
