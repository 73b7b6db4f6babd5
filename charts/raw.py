"""The chart as plain manifests, for those who use no Helm: `python -m charts.raw` writes `k8s/base` anew."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "k8s" / "base"
HELM = ROOT / ".tools" / "kubernetes" / "bin" / "helm"
HEAD = "# Made of charts/taskbell by `make chart`; edit the chart, or an overlay.\n"
OF_HELM = {"helm.sh/chart", "app.kubernetes.io/managed-by"}


def manifests() -> dict[str, str]:
    """The files of `k8s/base`, by name: one for each object, and the kustomization that lists them."""
    chart = ROOT / "charts" / "taskbell"
    rendered = subprocess.run(  # noqa: S603 - our own chart
        [
            HELM, "template", "taskbell", chart, "--values", chart / "ci" / "raw-values.yaml", "--skip-tests",
            "--no-hooks", "--namespace", "taskbell", "--kube-version", "1.34",
        ],
        env=os.environ, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = [_plain(each) for each in yaml.safe_load_all(rendered) if each]
    files = {f"{each['kind'].lower()}-{each['metadata']['name']}.yaml": _text(each) for each in found}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(files),
    }  # fmt: skip
    return files | {"kustomization.yaml": _text(kustomization)}


def _plain(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without what is Helm's, and without a namespace: an overlay says which."""
    metadata = manifest["metadata"]
    del metadata["namespace"]
    metadata["labels"] = {name: value for name, value in metadata["labels"].items() if name not in OF_HELM}
    return manifest


def _text(manifest: dict[str, Any]) -> str:
    return HEAD + yaml.safe_dump(manifest, sort_keys=False, width=110)


if __name__ == "__main__":
    BASE.mkdir(parents=True, exist_ok=True)
    for old in BASE.glob("*.yaml"):
        old.unlink()
    for file_name, made in manifests().items():
        (BASE / file_name).write_text(made)
