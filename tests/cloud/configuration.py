# SPDX-License-Identifier: Apache-2.0
"""Turns the files in ``templates`` into the cloud's configuration files.

Templates use ``$name``; a name that nobody gives a value is an error.
"""

from __future__ import annotations

import secrets
import shutil
import string
from pathlib import Path

from tests.cloud.layout import ADDRESS, CHECKOUT, PORT_OFFSETS, REGION, Layout
from tests.cloud.packages import OPENSTACK

ALERT_RULES = CHECKOUT / "docs" / "prometheus" / "*.rules.yml"
"""What the cloud's Prometheus evaluates: the rules as operators get them. None is fine, too."""

TEMPLATES = Path(__file__).resolve().parent / "templates"
DATABASES = (
    "keystone",
    "placement",
    "glance",
    "neutron",
    "heat",
    "nova_api",
    "nova_cell0",
    "nova_cell1",
)
SERVICE_USERS = ("placement", "glance", "neutron", "heat", "nova")

FAKE_DRIVER_VCPUS = 1000
FAKE_DRIVER_MEMORY_MB = 800_000
FAKE_DRIVER_DISK_GB = 600_000
"""Size of every host with Nova's fake driver (nova/virt/fake.py, FakeDriver.__init__)."""


def database_url(layout: Layout, database: str) -> str:
    """Return the SQLAlchemy address of one of the cloud's databases."""
    account = f"openstack:{layout.password}@{ADDRESS}:{layout.port('mariadb')}"
    return f"mysql+pymysql://{account}/{database}?charset=utf8"


def write_all(layout: Layout) -> None:
    """Write every configuration file but Spillway's policy, which needs a running EC2 endpoint."""
    layout.save()
    _choose_password(layout)
    values = _values(layout)
    etc = layout.etc
    _render("keystone.conf", etc / "keystone" / "keystone.conf", values)
    _render("placement.conf", etc / "placement" / "placement.conf", values)
    _render("glance-api.conf", etc / "glance" / "glance-api.conf", values)
    _render("neutron.conf", etc / "neutron" / "neutron.conf", values)
    _render("ml2_conf.ini", etc / "neutron" / "ml2_conf.ini", values)
    _render("heat.conf", etc / "heat" / "heat.conf", values)
    _render("nova.conf", etc / "nova" / "nova.conf", values)
    _render("nova-db.conf", etc / "nova" / "nova-db.conf", values)
    _render("rabbitmq.conf", etc / "rabbitmq.conf", values)
    _render("rabbitmq.json", etc / "rabbitmq.json", values)
    _render("broker.credentials", layout.broker_credentials, values)
    _render("prometheus.yml", etc / "prometheus.yml", values)
    _render("clouds.yaml", layout.clouds_yaml, values)
    shutil.copy(Path(values["shipped"]) / "nova" / "api-paste.ini", etc / "nova")
    for host in [*layout.private_hosts, layout.burst_host]:
        kind = "burst" if host == layout.burst_host else "private"
        here = {"host": host, "host_state": str(layout.state / host)}
        (layout.state / host / "instances").mkdir(parents=True, exist_ok=True)
        _render(f"compute-{kind}.conf", compute_file(layout, host), {**values, **here})
    for folder in ("keystone/fernet-keys", "keystone/credential-keys"):
        (layout.state / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in ("glance/images", "glance/staging", "neutron/lock", "nova/lock"):
        (layout.state / folder).mkdir(parents=True, exist_ok=True)
    layout.journal_file.parent.mkdir(parents=True, exist_ok=True)


def compute_file(layout: Layout, host: str) -> Path:
    """Return the configuration file of one nova-compute."""
    return layout.etc / "nova" / f"compute-{host}.conf"


def _values(layout: Layout) -> dict[str, str]:
    sizes = layout.sizes
    values = {
        "address": ADDRESS,
        "region": REGION,
        "password": layout.password,
        "state": str(layout.state),
        "shipped": str(layout.environment_bin(OPENSTACK.name).parent / "etc"),
        "memcached": f"{ADDRESS}:{layout.port('memcached')}",
        "keystone_url": layout.url("keystone"),
        "glance_url": layout.url("glance"),
        "transport_url": f"rabbit://openstack:{layout.password}@{ADDRESS}"
        f":{layout.port('rabbitmq')}/",
        "heat_url": layout.url("heat"),
        "policy_file": str(layout.policy_file),
        "etc": str(layout.etc),
        "alert_rules": str(ALERT_RULES),
        "scheduler_workers": str(sizes.scheduler_workers),
        "reserved_vcpus": str(FAKE_DRIVER_VCPUS - sizes.private_vcpus),
        "reserved_memory_mb": str(FAKE_DRIVER_MEMORY_MB - sizes.private_memory_mb),
        "reserved_disk_mb": str((FAKE_DRIVER_DISK_GB - sizes.private_disk_gb) * 1024),
    }
    for name in PORT_OFFSETS:
        values["port_" + name.replace("-", "_")] = str(layout.port(name))
    values.update({f"database_{name}": database_url(layout, name) for name in DATABASES})
    for user in SERVICE_USERS:
        account = {**values, "user": user}
        credentials = _text("credentials.part", account)
        values[f"credentials_{user}"] = credentials
        values[f"authtoken_{user}"] = _text("authtoken.part", account) + credentials
    # Heat scopes its trustee by the trust: a project there would be a second scope.
    heat = values["credentials_heat"].splitlines(keepends=True)
    values["trustee_heat"] = "".join(line for line in heat if not line.startswith("project_"))
    return values


def _text(template: str, values: dict[str, str]) -> str:
    return string.Template((TEMPLATES / template).read_text()).substitute(values)


def _render(template: str, target: Path, values: dict[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_text(template, values))
    target.chmod(0o600)


def _choose_password(layout: Layout) -> None:
    file = layout.state / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(12) + "\n")
