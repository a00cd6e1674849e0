# SPDX-License-Identifier: Apache-2.0
"""Creates the databases and brings their schemas up to date."""

from __future__ import annotations

import getpass
import grp
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cloud import configuration, infrastructure
from tests.cloud.layout import REGION, Layout
from tests.cloud.packages import OPENSTACK, SetUpError, run_logged


def create(layout: Layout, say: Callable[[str], None]) -> None:
    """Create databases, schemas, keys and the first Keystone user; once per cloud.

    :raises SetUpError: one of the services' own commands failed.
    """
    done = layout.state / "databases-created"
    if done.exists():
        return
    names = configuration.DATABASES
    statements = [f"create database if not exists {name} character set utf8mb3;" for name in names]
    statements += [
        f"create user if not exists openstack@'%' identified by '{layout.password}';",
        "grant all on *.* to openstack@'%';",
    ]
    answer = infrastructure.mariadb_root(layout, "\n".join(statements))
    if answer.returncode != 0:
        raise SetUpError(f"mariadb refused: {answer.stderr.decode(errors='replace')}")
    chains = (_neutron_and_glance, _nova, _keystone_and_placement, _heat)
    with ThreadPoolExecutor(len(chains)) as pool:
        for running in [pool.submit(chain, layout, say) for chain in chains]:
            running.result()
    done.touch()


def discover_hosts(layout: Layout) -> None:
    """Map new compute hosts to the cell, so that the scheduler sees them."""
    _nova_manage(layout, "cell_v2", "discover_hosts")


def _neutron_and_glance(layout: Layout, say: Callable[[str], None]) -> None:
    neutron = ["--config-file", layout.etc / "neutron" / "neutron.conf"]
    neutron += ["--config-file", layout.etc / "neutron" / "ml2_conf.ini"]
    _manage(layout, "neutron-db-manage", *neutron, "upgrade", "heads")
    say("database of neutron")
    glance = ["--config-file", layout.etc / "glance" / "glance-api.conf"]
    _manage(layout, "glance-manage", *glance, "db_sync")
    say("database of glance")


def _nova(layout: Layout, say: Callable[[str], None]) -> None:
    _nova_manage(layout, "api_db", "sync")
    cell0 = configuration.database_url(layout, "nova_cell0")
    _nova_manage(layout, "cell_v2", "map_cell0", "--database_connection", cell0)
    _nova_manage(layout, "db", "sync")
    _nova_manage(layout, "cell_v2", "create_cell", "--name", "cell1")
    say("databases of nova")


def _keystone_and_placement(layout: Layout, say: Callable[[str], None]) -> None:
    keystone = ["--config-file", layout.etc / "keystone" / "keystone.conf"]
    owner = ["--keystone-user", getpass.getuser()]
    owner += ["--keystone-group", grp.getgrgid(os.getgid()).gr_name]
    _manage(layout, "keystone-manage", *keystone, "db_sync")
    _manage(layout, "keystone-manage", *keystone, "fernet_setup", *owner)
    _manage(layout, "keystone-manage", *keystone, "credential_setup", *owner)
    address = layout.url("keystone", "/v3")
    # The password goes by the environment: arguments can be read by anybody on the machine.
    secret = {"OS_BOOTSTRAP_PASSWORD": layout.password}
    bootstrap = ["bootstrap", "--bootstrap-region-id", REGION, "--no-immutable-roles"]
    for interface in ("admin", "public", "internal"):
        bootstrap += [f"--bootstrap-{interface}-url", address]
    _manage(layout, "keystone-manage", *keystone, *bootstrap, secret=secret)
    say("database of keystone")
    placement = ["--config-file", layout.etc / "placement" / "placement.conf"]
    _manage(layout, "placement-manage", *placement, "db", "sync")
    say("database of placement")


def _heat(layout: Layout, say: Callable[[str], None]) -> None:
    heat = ["--config-file", layout.etc / "heat" / "heat.conf"]
    _manage(layout, "heat-manage", *heat, "db_sync")
    say("database of heat")


def _nova_manage(layout: Layout, *arguments: str) -> None:
    files = [layout.etc / "nova" / name for name in ("nova.conf", "nova-db.conf")]
    options = [word for file in files for word in ("--config-file", file)]
    _manage(layout, "nova-manage", *options, *arguments)


def _manage(
    layout: Layout, program: str, *arguments: str | Path, secret: dict[str, str] | None = None
) -> None:
    command = [layout.environment_bin(OPENSTACK.name) / program, *arguments]
    run_logged(command, layout.log / f"{program}.log", secret)
