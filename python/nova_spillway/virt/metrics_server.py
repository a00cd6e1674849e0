# SPDX-License-Identifier: Apache-2.0
"""Serves the metrics over HTTP, at the configured address alone.

Works on native threads and under eventlet, whose patches turn the threads into green ones. It is
there to be scraped by one or two readers: what lingers or crowds is cut off, and nova-compute does
not notice.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import threading
import time
import wsgiref.simple_server
from collections.abc import Iterable
from typing import Any, Callable

from prometheus_client import CollectorRegistry, make_wsgi_app

LOG = logging.getLogger(__name__)

PATH = "/metrics"
# Connections at the same time; more are closed at once.
_MOST_CONNECTIONS = 8
# A connection that is not done by then is cut off. A scrape takes some milliseconds.
_LONGEST_CONNECTION_SECS = 10.0


class MetricsServer:
    """The server of one registry, from ``start`` to ``stop``."""

    def __init__(self, listen: str, registry: CollectorRegistry) -> None:
        """Open nothing yet.

        :param listen: ``ADDRESS:PORT`` or ``[ADDRESS]:PORT``; port 0 takes any that is free.
        """
        host, _, port = listen.rpartition(":")
        self._listen = listen
        self._address = (host.strip("[]"), int(port))
        self._app = _only_metrics(make_wsgi_app(registry))
        self._server: _Server | None = None
        self._has_failed = False

    @property
    def port(self) -> int | None:
        """The port that it listens at, None while it does not."""
        return self._server.server_port if self._server else None

    def start(self) -> None:
        """Listen, if it does not yet. When the address cannot be had, that is logged once.

        Call it again later: the one that has the port may go.
        """
        if self._server is not None:
            return
        try:
            server = _Server(self._address)
        except OSError as error:
            if not self._has_failed:
                LOG.error(
                    "No metrics are served at %s: %s. It is tried again at every poll; until then "
                    "the sidecar knows nothing new of this burst host",
                    self._listen,
                    error,
                )
            self._has_failed = True
            return
        self._has_failed = False
        server.set_app(self._app)
        threading.Thread(target=server.serve_forever, name="spillway-metrics", daemon=True).start()
        self._server = server
        LOG.info("Metrics are served at http://%s%s", self._listen, PATH)

    def stop(self) -> None:
        """Close the port and end the thread; what is being answered is cut off."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.cut_off(time.monotonic())


_Start = Callable[..., Any]
_App = Callable[[dict[str, Any], _Start], Iterable[bytes]]


def _only_metrics(app: _App) -> _App:
    """Return the application for one path and GET; prometheus_client's answers any path."""

    def answer(environ: dict[str, Any], start_response: _Start) -> Iterable[bytes]:
        plain = [("Content-Type", "text/plain; charset=utf-8")]
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", plain)
            return [f"The metrics are at {PATH}\n".encode()]
        if environ["REQUEST_METHOD"] != "GET":
            start_response("405 Method Not Allowed", [*plain, ("Allow", "GET")])
            return [b"Metrics can only be read\n"]
        try:
            return app(environ, start_response)
        except Exception:
            LOG.exception("The metrics could not be made")
            start_response("500 Internal Server Error", plain)
            return [b"The metrics could not be made; nova-compute's log says why\n"]

    return answer


class _Handler(wsgiref.simple_server.WSGIRequestHandler):
    # Of one wait for the other side; the whole connection has a limit of its own.
    timeout = _LONGEST_CONNECTION_SECS

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug("Metrics: " + format, *args)


class _Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    # Waiting for threads at the end would wait for whoever lingers.
    block_on_close = False

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, float] = {}
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The standard library would ask DNS for the address's name here, and wait for the answer.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether there is room for one more connection."""
        with self._lock:
            if len(self._connections) >= _MOST_CONNECTIONS:
                return False
            self._connections[request] = time.monotonic()
        return True

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._connections.pop(request, None)
        super().close_request(request)

    def service_actions(self) -> None:
        """Cut off what lingers; called twice a second."""
        self.cut_off(time.monotonic() - _LONGEST_CONNECTION_SECS)

    def cut_off(self, begun_before: float) -> None:
        """End the connections that were begun before this time."""
        with self._lock:
            late = [c for c, begun_at in self._connections.items() if begun_at <= begun_before]
        for connection in late:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It ended by itself meanwhile.
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        LOG.debug("A reader of the metrics went away", exc_info=True)
