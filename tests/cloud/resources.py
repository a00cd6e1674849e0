# SPDX-License-Identifier: Apache-2.0
"""What is in the cloud before the first server: catalogue, projects, flavors, images, a network.

Every function leaves alone what is there already.
"""

from __future__ import annotations

from typing import Any

import openstack

from tests.cloud.layout import REGION, Layout

SERVICES = {
    "placement": ("placement", "placement", ""),
    "glance": ("image", "glance", ""),
    "neutron": ("network", "neutron", ""),
    "nova": ("compute", "nova", "/v2.1"),
    "heat": ("orchestration", "heat", "/v1/%(tenant_id)s"),
}
"""Service user to the type of its service, its listener, and the path of its endpoint."""

PROJECTS = ("demo", "internal")
"""``demo`` may burst; ``internal`` may not, by the cloud's policy."""

FLAVORS = {
    "m1.tiny": (1, 512, 20),
    "m1.small": (2, 2048, 20),
    "split.tiny": (1, 512, 20),
    "private.tiny": (1, 512, 20),
    "odd.huge": (64, 32768, 20),
}
"""Name to vCPUs, memory in MiB and root disk in GiB.

Root disks are larger than the 15 GiB of moto's machine images. The cloud's policy never bursts
``private.*``, splits requests of ``split.*``, and has no size that ``odd.huge`` fits into.
"""

IMAGES = ("tiny", "private-tiny", "unmapped-tiny")
"""The policy never bursts ``private-*`` and knows no image at the provider for ``unmapped-*``."""

NETWORK = "spillway-net"


def connect(layout: Layout, project: str = "admin") -> openstack.connection.Connection:
    """Return a connection as the administrator, in one of the projects."""
    configuration = openstack.config.OpenStackConfig(config_files=[str(layout.clouds_yaml)])
    return openstack.connection.Connection(config=configuration.get_one(cloud=project))


def create_identity(layout: Layout) -> None:
    """Create projects, service users, roles and the catalogue. Needs Keystone alone."""
    identity = connect(layout).identity
    domain = "default"
    roles = {role.name: role for role in identity.roles()}
    if "service" not in roles:
        roles["service"] = identity.create_role(name="service")
    projects = {project.name: project for project in identity.projects()}
    for name in ("service", *PROJECTS):
        if name not in projects:
            projects[name] = identity.create_project(name=name, domain_id=domain)
    users = {user.name: user for user in identity.users()}
    for name in SERVICES:
        if name not in users:
            users[name] = identity.create_user(
                name=name, password=layout.password, domain_id=domain
            )
        for role in ("admin", "service"):
            identity.assign_project_role_to_user(projects["service"], users[name], roles[role])
    for name in PROJECTS:
        identity.assign_project_role_to_user(projects[name], users["admin"], roles["admin"])
        identity.assign_project_role_to_user(projects[name], users["admin"], roles["member"])
    _create_catalogue(layout, identity)
    if "heat_stack_user" not in roles:
        _create_stack_domain(layout, identity, roles["admin"])


def _create_stack_domain(layout: Layout, identity: Any, admin: Any) -> None:
    """Create the domain in which Heat makes a user for every resource that can be signalled."""
    domain = identity.find_domain("heat") or identity.create_domain(name="heat")
    user = identity.create_user(
        name="heat_domain_admin", password=layout.password, domain_id=domain.id
    )
    identity.assign_domain_role_to_user(domain, user, admin)
    # Last, since it says that the rest is there.
    identity.create_role(name="heat_stack_user")


def _create_catalogue(layout: Layout, identity: Any) -> None:
    services = {service.type: service for service in identity.services()}
    endpoints = {(endpoint.service_id, endpoint.interface) for endpoint in identity.endpoints()}
    for name, (kind, listener, path) in SERVICES.items():
        service = services.get(kind) or identity.create_service(name=name, type=kind)
        for interface in ("public", "internal"):
            if (service.id, interface) not in endpoints:
                identity.create_endpoint(
                    service_id=service.id,
                    interface=interface,
                    region_id=REGION,
                    url=layout.url(listener, path),
                )


def create_resources(layout: Layout) -> None:
    """Create flavors, images and the network. Needs every API."""
    cloud = connect(layout)
    images = {image.name for image in cloud.image.images()}
    for name in IMAGES:
        if name not in images:
            cloud.image.create_image(
                name=name,
                data=b"\0" * 1024,
                disk_format="raw",
                container_format="bare",
                visibility="public",
                wait=True,
            )
    flavors = {flavor.name for flavor in cloud.compute.flavors()}
    for name, (vcpus, memory_mb, disk_gb) in FLAVORS.items():
        if name not in flavors:
            cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=memory_mb, disk=disk_gb)
    network = cloud.network.find_network(NETWORK)
    if network is None:
        network = cloud.network.create_network(
            name=NETWORK, is_shared=True, provider_network_type="local"
        )
    if cloud.network.find_subnet(NETWORK) is None:
        cloud.network.create_subnet(
            name=NETWORK,
            network_id=network.id,
            ip_version=4,
            cidr="10.77.0.0/16",
            is_dhcp_enabled=False,
        )


def project_ids(layout: Layout) -> dict[str, str]:
    """Return project name to project id."""
    return {project.name: project.id for project in connect(layout).identity.projects()}
