# SPDX-License-Identifier: Apache-2.0
"""nova-scheduler with Spillway's manager, without the import hook.

``python -m nova_spillway.scheduler [--config-file FILE ...]`` takes the arguments of
nova-scheduler and is the same program; only the manager is chosen here and not by
``[DEFAULT] scheduler_driver``.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run nova-scheduler with Spillway's manager until it is told to stop."""
    sys.argv[0] = "nova-scheduler"  # oslo.config finds nova-scheduler.conf by it.
    # Nova's start-up code (monkey patching, or its prohibition) is in this module and has to run
    # before anything else of Nova or oslo is imported.
    import nova.cmd.scheduler  # isort: split

    from nova import service

    service.SERVICE_MANAGERS["nova-scheduler"] = "nova_spillway.scheduler.loading.spillway_manager"
    nova.cmd.scheduler.main()


if __name__ == "__main__":
    main()
