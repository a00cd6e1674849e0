# SPDX-License-Identifier: Apache-2.0
"""The endpoint over HTTP: EC2's query requests by POST, a test's orders below ``/_control``.

The only room with sockets, threads and a clock. Requests are carried out one at a time, under one
lock, in the order in which they get it; that order, and the seed, make a run.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import traceback
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.strict_ec2.control import BadOrder, Clock, Control
from tests.strict_ec2.endpoint import Answer, serve
from tests.strict_ec2.errors import Ec2Error
from tests.strict_ec2.region import Region

CONTROL = "/_control"


class Server(ThreadingHTTPServer):
    """One thread per connection, on loopback only."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, control: Control, port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self.control = control
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away: tests kill them. Anything else is shown."""
        if not isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError)):
            super().handle_error(request, client_address)


@contextmanager
def running(
    seed: int = 0, region: str = "us-east-1", clock: Clock | None = None
) -> Iterator[Server]:
    """Run a fresh endpoint in this process."""
    server = Server(Control(Region(seed, region), clock or Clock(time.time)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    # A page of a thousand machines is one write; without this its last packet waits.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        """Serve one EC2 request."""
        control = self.server.control
        body = self._body()
        parameters = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = parameters.get("Action", "")
        number = control.saw(action)
        control.wait_while_held(action, "before")
        if self._client_is_gone():
            # It died while its request was held: as if the request had been lost with it.
            self.close_connection = True
            return
        answer = self._answer(action, parameters, number)
        control.wait_while_held(action, "after")
        if answer.lost:
            self.close_connection = True
            return
        self._send(answer.status, "text/xml;charset=UTF-8", answer.body)

    def _answer(self, action: str, parameters: dict[str, str], number: int) -> Answer:
        control = self.server.control
        refused = control.refusal(action)
        if refused is None and "Credential=" not in self.headers.get("Authorization", ""):
            refused = Ec2Error(
                "AuthFailure", "AWS was not able to validate the provided access credentials"
            )
        if refused is not None:
            return Answer(refused.status, refused.document(f"refused-{number}"))
        try:
            with control.lock:
                return serve(control.region, parameters, number, control.clock.now())
        except Exception:
            # Not a closed connection and no code of EC2's: a client would take those for the world.
            traceback.print_exc()
            broken = Ec2Error("StrictEndpointIsBroken", traceback.format_exc(limit=-1), 501)
            return Answer(broken.status, broken.document(f"broken-{number}"))

    def do_GET(self) -> None:
        """Answer a test's question."""
        path, _, query = self.path.partition("?")
        control = self.server.control
        if path == CONTROL:
            self._send_json(200, control.state())
        elif path == f"{CONTROL}/machine":
            wanted = dict(urllib.parse.parse_qsl(query)).get("instance_id")
            self._send_json(200, {"machines": control.machines(wanted)})
        else:
            self._send_json(404, {"error": f"there is no {path}; EC2 requests are POST"})

    def do_PUT(self) -> None:
        """Carry out an order."""
        self._order("PUT")

    def do_DELETE(self) -> None:
        """Take an order back."""
        self._order("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: boto3 polls every second."""

    def _order(self, method: str) -> None:
        body = self._body()
        control = self.server.control
        try:
            order = json.loads(body or b"{}")
            if not isinstance(order, dict):
                raise BadOrder("an order is a JSON object")
            known = control.order(method, self.path.removeprefix(f"{CONTROL}/"), order)
        except (BadOrder, ValueError) as error:
            self._send_json(400, {"error": str(error)})
            return
        self._send_json(200 if known else 404, control.state())

    def _client_is_gone(self) -> bool:
        try:
            waiting: bytes = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            return not waiting
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send_json(self, status: int, document: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(document).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            # The client was killed while its answer was held: a test does just that.
            self.close_connection = True
