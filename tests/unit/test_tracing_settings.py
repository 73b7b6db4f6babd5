"""What OpenTelemetry's variables mean here: whether there are traces, and what stops the start."""

import subprocess
import sys

import pytest

from tests.servers import APP, environment

AT = "http://collector:4318"
LOADED = "'opentelemetry.exporter' in sys.modules or 'jobs.tracing.spans' in sys.modules"
"""redis-py takes the SDK's metrics with it wherever they are installed."""
ASK = f"""
import sys
import django
django.setup()
from jobs.conf import settings
print(settings().TRACES, {LOADED})
"""


def start(**env):
    full = environment("redis://127.0.0.1:1/0", DJANGO_SETTINGS_MODULE="project.settings") | env
    command = [sys.executable, "-c", ASK]
    return subprocess.run(command, cwd=APP, env=full, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_SERVICE_NAME": "mine", "OTEL_TRACES_SAMPLER": "always_on"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": AT},
    ],
)
def test_without_an_address_or_when_told_so_there_are_none_and_nothing_is_imported(env):
    ended = start(**env)
    assert ended.stdout == "False False\n", ended.stderr


@pytest.mark.parametrize(
    "env",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": AT},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{AT}/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": AT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": AT,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.01",
        },
    ],
)
def test_with_an_address_there_are(env):
    ended = start(**env)
    assert ended.stdout == "True True\n", ended.stderr


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "grpc is not supported"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/json is not supported"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "is not an http:// or https:// address"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:port", "or https:// address"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "neither otlp nor none"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "is none of"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "is not from 0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "few", "is not a number"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "is not a positive number of seconds"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1.5", "is not a positive whole number"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096", "is more than OTEL_BSP_MAX_QUEUE_SIZE, which is 2048"),
    ],
)
def test_what_cannot_be_used_stops_the_start_in_one_line(variable, value, fault):
    ratio = {"OTEL_TRACES_SAMPLER": "traceidratio"} if variable == "OTEL_TRACES_SAMPLER_ARG" else {}
    ended = start(**{"OTEL_EXPORTER_OTLP_ENDPOINT": AT} | ratio | {variable: value})
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"taskbell: {variable}: ")
    assert fault in line
