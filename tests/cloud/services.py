# SPDX-License-Identifier: Apache-2.0
"""The OpenStack daemons: how each is started, and when all of them are ready."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.cloud import configuration, waiting
from tests.cloud.infrastructure import READY_SECS
from tests.cloud.layout import ADDRESS, Layout
from tests.cloud.packages import OPENSTACK, wheel_file
from tests.cloud.processes import Daemon

AWS_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "spillway", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
"""moto takes any; the driver finds them as boto3 does, in its environment."""

APIS = ("keystone", "placement", "glance", "neutron", "nova-api", "heat-api")
LISTENERS = {"nova-api": "nova", "heat-api": "heat"}
"""Name of an API's listener where it is not the API's own name."""

FORBIDDEN_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
)
"""A daemon sees the packages of its environment and moto's credentials, whoever starts it."""


def keystone(layout: Layout) -> Daemon:
    """Describe Keystone."""
    folder = layout.etc / "keystone"
    variables = {
        "OS_KEYSTONE_CONFIG_DIR": str(folder),
        "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
    }
    return _api(layout, "keystone", "keystone.wsgi.api", (2, 4), variables, [folder])


def placement(layout: Layout) -> Daemon:
    """Describe Placement: several processes, so that claims really are concurrent."""
    folder = layout.etc / "placement"
    shape = (layout.sizes.placement_processes, 1)
    variables = {"OS_PLACEMENT_CONFIG_DIR": str(folder)}
    return _api(layout, "placement", "placement.wsgi.api", shape, variables, [folder])


def glance(layout: Layout) -> Daemon:
    """Describe Glance."""
    folder = layout.etc / "glance"
    variables = {"OS_GLANCE_CONFIG_DIR": str(folder)}
    return _api(layout, "glance", "glance.wsgi.api", (1, 8), variables, [folder])


def neutron(layout: Layout) -> Daemon:
    """Describe Neutron's API; there are no agents."""
    folder = layout.etc / "neutron"
    variables = {
        "OS_NEUTRON_CONFIG_DIR": str(folder),
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf;ml2_conf.ini",
    }
    return _api(layout, "neutron", "spillway_anyhost.wsgi", (2, 8), variables, [folder])


def nova_api(layout: Layout) -> Daemon:
    """Describe Nova's API. The first of its files is always taken as the paste file."""
    folder = layout.etc / "nova"
    variables = {
        "OS_NOVA_CONFIG_DIR": str(folder),
        "OS_NOVA_CONFIG_FILES": "api-paste.ini;nova.conf;nova-db.conf",
    }
    files = [folder / "nova.conf", folder / "nova-db.conf", wheel_file()]
    return _api(layout, "nova-api", "nova.wsgi.osapi_compute", (2, 8), variables, files)


def heat_api(layout: Layout) -> Daemon:
    """Describe Heat's API. It takes its configuration file from the command line alone."""
    file = layout.etc / "heat" / "heat.conf"
    arguments = f"--config-file={file}"
    return _api(layout, "heat-api", "heat.wsgi.api", (1, 4), {}, [file], arguments)


def heat_engine(layout: Layout) -> Daemon:
    """Describe Heat's engine."""
    file = layout.etc / "heat" / "heat.conf"
    program = layout.environment_bin(OPENSTACK.name) / "heat-engine"
    command = [str(program), "--config-file", str(file)]
    return Daemon("heat-engine", command, {}, [file], FORBIDDEN_VARIABLES)


def nova_conductor(layout: Layout) -> Daemon:
    """Describe nova-conductor."""
    return _nova(layout, "nova-conductor", "nova-conductor", ["nova.conf", "nova-db.conf"])


def nova_scheduler(layout: Layout) -> Daemon:
    """Describe nova-scheduler: Nova's own command."""
    return _nova(layout, "nova-scheduler", "nova-scheduler", ["nova.conf", "nova-db.conf"])


def nova_compute(layout: Layout, host: str) -> Daemon:
    """Describe the nova-compute of a host."""
    files = ["nova.conf", configuration.compute_file(layout, host).name]
    if host != layout.burst_host:
        return _nova(layout, compute_name(host), "nova-compute", files)
    # The driver reads the policy when it starts, unlike the scheduler, which follows its changes.
    return _nova(
        layout, compute_name(host), "nova-compute", files, AWS_CREDENTIALS, [layout.policy_file]
    )


def compute_name(host: str) -> str:
    """Return the name of a host's nova-compute among the daemons."""
    return f"nova-compute-{host}"


def before_resources(layout: Layout) -> list[Daemon]:
    """Return what must run before flavors, images and the policy can be made."""
    return [
        keystone(layout),
        placement(layout),
        glance(layout),
        neutron(layout),
        nova_api(layout),
        nova_conductor(layout),
        heat_api(layout),
        heat_engine(layout),
        *[nova_compute(layout, host) for host in layout.private_hosts],
    ]


def after_policy(layout: Layout) -> list[Daemon]:
    """Return what reads Spillway's policy."""
    return [nova_scheduler(layout), nova_compute(layout, layout.burst_host)]


def wait_for_api(layout: Layout, name: str) -> None:
    """Return when an API answers."""
    url = layout.url(LISTENERS.get(name, name), "/v3" if name == "keystone" else "/")
    waiting.until(lambda: waiting.http_answers(url), f"{name} answers at {url}", READY_SECS)


def _api(
    layout: Layout,
    name: str,
    module: str,
    shape: tuple[int, int],
    variables: dict[str, str],
    sources: list[Path],
    arguments: str | None = None,
) -> Daemon:
    """Describe a WSGI application under uWSGI.

    :param shape: processes, and threads in each.
    :param arguments: the command line that the application sees.
    """
    binaries = layout.environment_bin(OPENSTACK.name)
    processes, threads = shape
    command = [
        str(binaries / "uwsgi"),
        "--http-socket",
        f"{ADDRESS}:{layout.port(LISTENERS.get(name, name))}",
        "--module",
        f"{module}:application",
        "--venv",
        str(binaries.parent),
        "--processes",
        str(processes),
        "--threads",
        str(threads),
        "--master",
        "--enable-threads",
        "--lazy-apps",
        "--need-app",
        "--die-on-term",
        "--thunder-lock",
        "--http-chunked-input",
        "--add-header",
        "Connection: close",
        "--buffer-size",
        "65535",
        "--listen",
        "100",
        "--worker-reload-mercy",
        "2",
        "--disable-logging",
        "--log-5xx",
        *(["--pyargv", arguments] if arguments else []),
    ]
    files = [
        path
        for source in sources
        for path in (sorted(source.iterdir()) if source.is_dir() else [source])
    ]
    return Daemon(name, command, variables, files, FORBIDDEN_VARIABLES)


def _nova(
    layout: Layout,
    name: str,
    program: str,
    files: list[str],
    variables: dict[str, str] | None = None,
    more_files: Sequence[Path] = (),
) -> Daemon:
    paths = [layout.etc / "nova" / file for file in files]
    command = [str(layout.environment_bin(OPENSTACK.name) / program)]
    for path in paths:
        command += ["--config-file", str(path)]
    depends_on = [*paths, *more_files, wheel_file()]
    return Daemon(name, command, variables or {}, depends_on, FORBIDDEN_VARIABLES)
