"""The published source of Celery's integration suite, in a folder that git ignores."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".taskbell" / "celery_suite"
DOWNLOAD_SECONDS = 300


def suite(version: str) -> Path:
    """The folder that holds the suite's package `t`; downloaded where it is not there yet."""
    folder = CACHE / version
    if not (folder / "t" / "integration").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            unpacked = Path(scratch) / "unpacked"
            _unpack(_download(version, Path(scratch)), unpacked)
            (unpacked / f"celery-{version}").rename(folder)
    return folder


def _download(version: str, scratch: Path) -> Path:
    """The source distribution, brought by the package index's own client."""
    pip = scratch / "pip"
    subprocess.run([sys.executable, "-m", "venv", pip], check=True, timeout=DOWNLOAD_SECONDS)
    command = [str(pip / "bin" / "python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-binary", ":all:", "--dest", str(scratch)]
    subprocess.run([*command, *options, f"celery=={version}"], check=True, timeout=DOWNLOAD_SECONDS)
    return scratch / f"celery-{version}.tar.gz"


def _unpack(archive: Path, folder: Path) -> None:
    """Only the tests: the package beside them would hide the installed Celery."""
    with tarfile.open(archive) as tar:
        wanted = [member for member in tar if member.name.split("/")[1:2] == ["t"]]
        tar.extractall(folder, members=wanted, filter="data")
