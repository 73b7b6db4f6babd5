"""A stand-in for Kubernetes' API server: objects with versions, a token, and an answer for each call."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobs.adapter.certificates import issue
from jobs.kubernetes import Kubernetes

TOKEN = "the-token"


class Api:
    """Its objects, by path; a test changes them as it likes."""

    def __init__(self, account: Path) -> None:
        self.account = account
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        """Each call, by method and path with its query."""
        self.denied: set[tuple[str, str]] = set()
        """Calls that are forbidden, by method and path."""
        self.before: dict[tuple[str, str], Callable[[], None]] = {}
        """What happens once, right before such a call is answered."""
        self._clients: list[Kubernetes] = []
        self._changing = threading.RLock()
        self._version = 0
        certified = issue(["localhost"], timedelta(days=1))
        (account / "ca.crt").write_text(certified.authority)
        (account / "token").write_text(f"{TOKEN}\n")
        (account / "namespace").write_text("demo")
        self._certificate = account / "server.pem"
        self._certificate.write_text(certified.pair.certificate + certified.pair.key)
        self.port = 0

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}"

    def kubernetes(self) -> Kubernetes:
        """A client of it, that is closed with it."""
        client = Kubernetes(
            self.address, token_file=self.account / "token", authority_file=self.account / "ca.crt"
        )
        self._clients.append(client)
        return client

    def put(self, path: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """The object, as of a new version."""
        with self._changing:
            self._version += 1
            metadata = manifest.get("metadata", {}) | {"resourceVersion": str(self._version)}
            self.objects[path] = manifest | {"metadata": metadata}
            return self.objects[path]

    def answer(self, method: str, target: str, body: Any) -> tuple[int, dict[str, Any]]:
        path = urlsplit(target).path
        with self._changing:
            self.calls.append((method, target))
            self.before.pop((method, path), lambda: None)()
            if (method, path) in self.denied:
                return _status(403, "Forbidden")
            if method == "POST":
                where = f"{path}/{body['metadata']['name']}"
                return (
                    _status(409, "AlreadyExists") if where in self.objects else (201, self.put(where, body))
                )
            if method == "PATCH" and "fieldManager=" in target and path not in self.objects:
                return 201, self.put(path, body)
            return self._of_existing(method, path, body)

    def _of_existing(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        found = self.objects.get(path)
        if found is None:
            items = [each for where, each in self.objects.items() if where.rpartition("/")[0] == path]
            return (200, {"kind": "List", "items": items}) if items else _status(404, "NotFound")
        if method == "GET":
            return 200, found
        said = body.get("preconditions") if method == "DELETE" else body.get("metadata")
        version = (said or {}).get("resourceVersion")
        if version and version != found["metadata"]["resourceVersion"]:
            return _status(409, "Conflict")
        if method == "DELETE":
            return 200, self.objects.pop(path)
        return 200, self.put(path, body if method == "PUT" else _merged(found, body))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve; on the port of the last time, if there was one."""
        server = ThreadingHTTPServer(("localhost", self.port), _handler(self))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            for client in self._clients:
                client.close()
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                code, document = _status(401, "Unauthorized")
            else:
                code, document = api.answer(self.command, self.path, body)
            data = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the standard library's names

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _merged(whole: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """As JSON Merge Patch has it, but for deletions."""
    merged = dict(whole)
    for key, value in change.items():
        merged[key] = _merged(whole.get(key, {}), value) if isinstance(value, dict) else value
    return merged


def _status(code: int, reason: str) -> tuple[int, dict[str, Any]]:
    return code, {"kind": "Status", "code": code, "reason": reason, "message": f"it is {reason}"}
