# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that answers as EC2 does, from a script: for the answers that nobody can order."""

from __future__ import annotations

import collections
import dataclasses
import http.server
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape


@dataclasses.dataclass
class Answer:
    """One answer; ``drop`` closes the connection instead."""

    status: int = 200
    body: str = ""
    drop: bool = False


def error(status: int, code: str, message: str = "a message") -> Answer:
    """Return EC2's error document."""
    return Answer(
        status,
        f"<Response><Errors><Error><Code>{escape(code)}</Code>"
        f"<Message>{escape(message)}</Message></Error></Errors>"
        "<RequestID>r-1</RequestID></Response>",
    )


class ScriptedEc2:
    """Answers by operation, in order; the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[dict[str, str]] = []
        self.url = ""

    def count(self, operation: str) -> int:
        return collections.Counter(r["Action"] for r in self.requests)[operation]

    def answer(self, request: dict[str, str]) -> Answer:
        self.requests.append(request)
        script = self.answers[request["Action"]]
        return script.pop(0) if len(script) > 1 else script[0]


@contextmanager
def serving() -> Iterator[ScriptedEc2]:
    """Serve on a free port of the loopback address."""
    script = ScriptedEc2()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = script.answer(dict(urllib.parse.parse_qsl(body)))
            if answer.drop:
                self.close_connection = True
                self.connection.close()
                return
            data = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
