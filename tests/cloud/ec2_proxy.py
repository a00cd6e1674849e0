# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy in front of moto's server that makes it as strict, and as unkind, as EC2.

It honours client tokens, which moto ignores: the same token gives the same answer, and the same
token with other parameters is ``IdempotentParameterMismatch``. On command it answers an action
with an error, or holds an action's answer until it is told to let go. Commands are JSON over HTTP
below ``/_control``:

* ``GET /_control``: counts of requests by action, what is held, what is refused
* ``PUT /_control/refuse`` ``{"action", "code", "message", "status"}``; ``DELETE`` ends it
* ``PUT /_control/hold`` ``{"action", "when": "before" | "after"}``: before moto sees the request,
  or after it carried it out; ``DELETE`` ends it and lets every held request go on

Standard library only: it runs by path, as its own process.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import json
import socket
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

HOP_HEADERS = {"connection", "content-length", "date", "server", "transfer-encoding"}
"""Headers that belong to one connection and are not passed on."""

Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""


class Control:
    """What the proxy was told to do, and what it has seen. Used by many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._refused: dict[str, dict[str, Any]] = {}
        self._holds: dict[str, str] = {}
        self._held: collections.Counter[str] = collections.Counter()
        self._seen: collections.Counter[str] = collections.Counter()
        self._tokens: dict[str, tuple[str, Answer]] = {}
        self._token_locks: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    def saw(self, action: str) -> None:
        """Count a request."""
        with self._changed:
            self._seen[action] += 1

    def refusal(self, action: str) -> dict[str, Any] | None:
        """Return the error with which an action is to be answered."""
        with self._changed:
            return self._refused.get(action)

    def wait_while_held(self, action: str, when: str) -> None:
        """Return when the action is not, or no longer, held at that point."""
        with self._changed:
            self._held[action] += 1
            self._changed.wait_for(lambda: self._holds.get(action) != when)
            self._held[action] -= 1

    def token_lock(self, token: str) -> threading.Lock:
        """Return the lock under which one token's first request is carried out."""
        with self._changed:
            return self._token_locks[token]

    def answered(self, token: str) -> tuple[str, Answer] | None:
        """Return the parameters and the answer of a token that was used."""
        with self._changed:
            return self._tokens.get(token)

    def remember(self, token: str, parameters: str, answer: Answer) -> None:
        """Keep what a token was answered."""
        with self._changed:
            self._tokens[token] = (parameters, answer)

    def change(self, method: str, topic: str, order: dict[str, Any]) -> bool:
        """Carry out a command. False if there is no such command."""
        with self._changed:
            if topic == "refuse":
                self._refused.clear()
                if method == "PUT":
                    self._refused[order["action"]] = order
            elif topic == "hold":
                self._holds.clear()
                if method == "PUT":
                    self._holds[order["action"]] = order["when"]
            else:
                return False
            self._changed.notify_all()
            return True

    def state(self) -> dict[str, Any]:
        """Return counts and orders, for ``GET /_control``."""
        with self._changed:
            return {
                "seen": dict(self._seen),
                "held": {action: n for action, n in self._held.items() if action in self._holds},
                "holds": dict(self._holds),
                "refused": dict(self._refused),
                "tokens": len(self._tokens),
            }


class Server(ThreadingHTTPServer):
    """One thread per connection; fifty launches may knock at once."""

    daemon_threads = True
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    """Passes EC2's query requests on, or does what it was told to."""

    control: ClassVar[Control]
    upstream_port: ClassVar[int]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the state, or pass the request on."""
        if self.path == "/_control":
            self._send(200, [("Content-Type", "application/json")], self._json_state())
        else:
            self._send(*self._forward("GET", b""))

    def do_PUT(self) -> None:
        """Carry out a command."""
        self._command("PUT", json.loads(self._body() or b"{}"))

    def do_DELETE(self) -> None:
        """Take a command back."""
        self._command("DELETE", {})

    def do_POST(self) -> None:
        """Serve one EC2 action."""
        body = self._body()
        parameters = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = parameters.get("Action", "")
        self.control.saw(action)
        self.control.wait_while_held(action, "before")
        if self._client_is_gone():
            # It died while its request was held: as if the request had been lost with it.
            self.close_connection = True
            return
        refused = self.control.refusal(action)
        if refused:
            answer = _error(refused["code"], refused["message"], refused["status"])
        elif parameters.get("ClientToken"):
            answer = self._once(parameters, body)
        else:
            answer = self._forward("POST", body)
        self.control.wait_while_held(action, "after")
        self._send(*answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: boto3 polls every second."""

    def _client_is_gone(self) -> bool:
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _once(self, parameters: dict[str, str], body: bytes) -> Answer:
        """Carry out a request with a client token the first time, repeat the answer after."""
        token = parameters["ClientToken"]
        words = json.dumps(parameters, sort_keys=True)
        with self.control.token_lock(token):
            earlier = self.control.answered(token)
            if earlier is None:
                answer = self._forward("POST", body)
                if answer[0] == 200:
                    self.control.remember(token, words, answer)
                return answer
        if earlier[0] != words:
            return _error("IdempotentParameterMismatch", f"{token} was used otherwise", 400)
        return earlier[1]

    def _forward(self, method: str, body: bytes) -> Answer:
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=60)
        try:
            upstream.request(method, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in HOP_HEADERS]
            return answer.status, headers, answer.read()
        except OSError as error:
            return _error("ServiceUnavailable", f"moto does not answer: {error}", 503)
        finally:
            upstream.close()

    def _command(self, method: str, order: dict[str, Any]) -> None:
        known = self.control.change(method, self.path.removeprefix("/_control/"), order)
        self._send(
            200 if known else 404, [("Content-Type", "application/json")], self._json_state()
        )

    def _json_state(self) -> bytes:
        return json.dumps(self.control.state()).encode()

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            # The client was killed while its answer was held: a test does just that.
            self.close_connection = True


def _error(code: str, message: str, status: int) -> Answer:
    """Return an error as EC2 writes it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{code}</Code><Message>{message}</Message>"
        "</Error></Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
    )
    return status, [("Content-Type", "text/xml")], body.encode()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(
        description="EC2 proxy with faults on command.",
        epilog="example: ec2_proxy.py --port 27021 --upstream-port 27020",
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream-port", type=int, required=True, help="moto's port")
    arguments = parser.parse_args()
    Handler.control = Control()
    Handler.upstream_port = arguments.upstream_port
    server = Server(("127.0.0.1", arguments.port), Handler)
    server.serve_forever()


if __name__ == "__main__":
    main()
