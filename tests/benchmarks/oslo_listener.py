# SPDX-License-Identifier: Apache-2.0
"""Take notifications with an oslo.messaging listener, and print the CPU time of each.

python -m tests.benchmarks.oslo_listener amqp://127.0.0.1:5672/%2F 10000
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import oslo_messaging
from oslo_config import cfg


class Counting:
    """An endpoint that does nothing but count."""

    def __init__(self, wanted: int) -> None:
        """Count up to that number."""
        self.left = wanted
        self.done = threading.Event()

    def info(self, ctxt: Any, publisher: str, event: str, payload: Any, metadata: Any) -> None:
        """Take one notification."""
        self.left -= 1
        if self.left == 0:
            self.done.set()


def main() -> int:
    """Listen until the number has come."""
    url, wanted = sys.argv[1], int(sys.argv[2])
    conf = cfg.ConfigOpts()
    conf([], project="benchmark", default_config_files=[])
    transport = oslo_messaging.get_notification_transport(conf, url.replace("amqp:", "rabbit:"))
    target = oslo_messaging.Target(topic="versioned_notifications", exchange="nova")
    endpoint = Counting(wanted)
    begun = time.process_time()
    listener = oslo_messaging.get_notification_listener(
        transport, [target], [endpoint], executor="threading", pool="oslo"
    )
    listener.start()
    endpoint.done.wait()
    spent = time.process_time() - begun
    listener.stop()
    listener.wait()
    print(json.dumps({"micros": spent * 1e6 / wanted}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
