"""What the kernel says of CPU time: of a tree of processes, and of the whole machine."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """Seconds of CPU since the machine started, over all its cores."""

    busy: float
    stolen: float
    """What the hypervisor gave to other machines while this one wanted it."""
    total: float


def machine_cpu() -> Cpu:
    """The machine's CPU time so far."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    seconds = [int(field) / TICKS for field in fields]
    user, nice, system, _, _, irq, soft_irq, stolen = seconds
    return Cpu(busy=user + nice + system + irq + soft_irq, stolen=stolen, total=sum(seconds))


def tree_cpu(pid: int) -> float:
    """Seconds of CPU of a process, of its living descendants and of those that it has reaped."""
    return sum(_cpu(each) for each in _tree(pid))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for thread in _listed(Path(f"/proc/{each}/task")):
            children = _read(thread / "children")
            found.extend(int(child) for child in children.split())
    return found


def _cpu(pid: int) -> float:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:  # it ended meanwhile
        return []


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
