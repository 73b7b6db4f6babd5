"""The chart, as Helm renders it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "taskbell"
TOOLS = ROOT / ".tools" / "kubernetes"
"""Where tools.py puts helm, kubectl, checkov and kube-score."""
PRESETS = sorted(CHART.glob("ci/*-values.yaml"))
BAD = sorted(CHART.glob("ci/bad-*.yaml"))
KUBE_VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
NAMESPACE = "somewhere"

type Manifest = dict[str, Any]


def tool(name: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the tools; its output is text."""
    path = f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [name, *map(str, args)], env=os.environ | {"PATH": path}, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def template(*args: str | Path, release: str = "taskbell", chart: Path = CHART) -> str:
    """What `helm template` prints."""
    done = tool("helm", "template", release, chart, "--namespace", NAMESPACE, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(*args: str | Path, values: Manifest | None = None, release: str = "taskbell") -> list[Manifest]:
    """The objects of a render; `values` as they would stand in a file."""
    more = [
        part for key, value in (values or {}).items() for part in ("--set-json", f"{key}={json.dumps(value)}")
    ]
    return [found for found in yaml.safe_load_all(template(*args, *more, release=release)) if found]


def one(found: list[Manifest], kind: str, name: str) -> Manifest:
    """The object of this kind and name."""
    [it] = [each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return it


def pods(found: list[Manifest]) -> dict[str, Manifest]:
    """The pods of a render, {metadata, spec} each, by `kind/name` of what makes them."""
    templates = {}
    for each in found:
        spec = each.get("spec", {})
        if each["kind"] == "Pod":
            pod = each
        elif each["kind"] == "CronJob":
            pod = spec["jobTemplate"]["spec"]["template"]
        elif each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            pod = spec["template"]
        else:
            continue
        templates[f"{each['kind']}/{each['metadata']['name']}"] = pod
    return templates
