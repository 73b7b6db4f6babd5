"""Authorities and the certificates that they sign, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in files."""

    crt: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.crt.read_text()


class Authority:
    """Signs certificates."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory, self._name = directory, name
        self._own = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
        says = ("-addext", "keyUsage=critical,keyCertSign", "-days", "2", "-subj", f"/CN={name}")
        openssl("req", "-x509", *_KEY, *says, "-keyout", self._own.key, "-out", self._own.crt)

    @property
    def pem(self) -> str:
        return self._own.pem

    def client(self, common_name: str, usage: str = "clientAuth", days: int = 1) -> Certificate:
        """A certificate by which a client says who it is."""
        path = self._directory / f"{self._name}-{common_name}-{usage}{days}"
        crt, key, asked, says = (path.with_suffix(f".{kind}") for kind in ("crt", "key", "csr", "cnf"))
        says.write_text(f"extendedKeyUsage={usage}\n")
        openssl("req", *_KEY, "-subj", f"/CN={common_name}", "-keyout", key, "-out", asked)
        signer = ("-CA", self._own.crt, "-CAkey", self._own.key, "-CAcreateserial", "-days", str(days))
        openssl("x509", "-req", "-in", asked, "-out", crt, "-extfile", says, *signer)
        return Certificate(crt, key)
