# SPDX-License-Identifier: Apache-2.0
"""Serves the strict endpoint as a process of its own."""

from __future__ import annotations

import argparse
import time

from tests.strict_ec2.control import Clock, Control
from tests.strict_ec2.region import Region
from tests.strict_ec2.server import Server
from tests.strict_ec2.wire import service_model

EPILOG = """\
examples:
  python -m tests.strict_ec2 --port 27021
  python -m tests.strict_ec2 --port 27021 --seed 7
  curl -X PUT -d '{"lost_after": 0.1}' http://127.0.0.1:27021/_control/faults
"""


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.strict_ec2",
        description="An EC2 endpoint on 127.0.0.1 that is as strict, and as unkind, as EC2.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="of all faults (default 0)")
    parser.add_argument("--region", default="us-east-1", help="its name (default us-east-1)")
    arguments = parser.parse_args()
    service_model()
    control = Control(Region(arguments.seed, arguments.region), Clock(time.time))
    server = Server(control, arguments.port)
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
