# SPDX-License-Identifier: Apache-2.0
"""A Placement that is just enough for nova-scheduler to start and to stop."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_VERSIONS = {
    "versions": [
        {
            "id": "v1.0",
            "status": "CURRENT",
            "min_version": "1.0",
            "max_version": "1.39",
            "links": [{"rel": "self", "href": ""}],
        }
    ]
}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Versions at the root, no trait, no candidate and no provider elsewhere."""
        path = self.path.split("?")[0].rstrip("/")
        if not path:
            self._send(200, _VERSIONS)
        elif path == "/traits":
            self._send(200, {"traits": []})
        elif path == "/allocation_candidates":
            self._send(200, {"allocation_requests": [], "provider_summaries": {}})
        elif path == "/resource_providers":
            self._send(200, {"resource_providers": []})
        else:
            self._send(404, {"errors": [{"status": 404, "title": "Not Found"}]})

    def do_PUT(self) -> None:
        """Every trait may be made."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._send(201, None)

    def _send(self, status: int, body: object) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("OpenStack-API-Version", "placement 1.39")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing; nova-scheduler's own log has the story."""


class PlacementStub:
    """Serves on a port of its own on loopback until the ``with`` block ends."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> PlacementStub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
