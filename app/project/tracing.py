"""Whether there are traces, as OpenTelemetry's own variables say; the SDK reads what else they say.

The SDK warns of a value that it cannot use and goes on with another; here it stops the start.
"""

from urllib.parse import urlsplit

from project.environment import refuse, text

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
SAMPLERS = ("always_on", "always_off", "traceidratio")
BATCHES = {
    "OTEL_BSP_SCHEDULE_DELAY": "5000", "OTEL_BSP_MAX_QUEUE_SIZE": "2048",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "512",
}  # fmt: skip
"""What the SDK takes where nothing is said."""


def is_wanted() -> bool:
    """Whether spans are made and sent.

    Raises:
        SystemExit: a variable cannot be used, or two contradict each other.
    """
    exporter = text("OTEL_TRACES_EXPORTER")
    if exporter not in {"", "otlp", "none"}:
        refuse("OTEL_TRACES_EXPORTER", "is neither otlp nor none")
    is_off = exporter == "none" or text("OTEL_SDK_DISABLED").strip().lower() == "true"
    if is_off or not (exporter or any(map(text, ENDPOINTS))):
        return False
    for check in (_check_endpoints, _check_protocols, _check_sampler, _check_numbers):
        check()
    return True


def _check_endpoints() -> None:
    for name in filter(text, ENDPOINTS):
        try:
            parts = urlsplit(text(name))
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            refuse(name, "is not an http:// or https:// address")


def _check_protocols() -> None:
    for name in PROTOCOLS:
        if text(name, "http/protobuf") != "http/protobuf":
            refuse(name, f"{text(name)} is not supported: http/protobuf is, at port 4318 of most collectors")


def _check_sampler() -> None:
    name = text("OTEL_TRACES_SAMPLER", "parentbased_always_on").strip().lower()
    if name.removeprefix("parentbased_") not in SAMPLERS:
        known = ", ".join(f"[parentbased_]{sampler}" for sampler in SAMPLERS)
        refuse("OTEL_TRACES_SAMPLER", f"is none of {known}")
    argument = text("OTEL_TRACES_SAMPLER_ARG")
    if name.endswith("traceidratio") and argument and not 0 <= _number("OTEL_TRACES_SAMPLER_ARG") <= 1:
        refuse("OTEL_TRACES_SAMPLER_ARG", "is not from 0 to 1")


def _check_numbers() -> None:
    for name in filter(text, TIMEOUTS):
        if not _number(name) > 0:
            refuse(name, "is not a positive number of seconds")
    for name, default in BATCHES.items():
        if not text(name, default).isdecimal() or int(text(name, default)) == 0:
            refuse(name, "is not a positive whole number")
    _, most, batch = (int(text(name, default)) for name, default in BATCHES.items())
    if batch > most:
        refuse("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", f"is more than OTEL_BSP_MAX_QUEUE_SIZE, which is {most}")


def _number(name: str) -> float:
    try:
        return float(text(name))
    except ValueError:
        refuse(name, "is not a number")
