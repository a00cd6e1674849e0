# SPDX-License-Identifier: Apache-2.0
"""A small but whole OpenStack on the loopback address, with one Spillway burst host.

``python3 -m tests.cloud --help`` brings it up and takes it down. Modules, bottom up:

* ``layout``: where everything lies and which port is whose
* ``waiting``, ``processes``: conditions with deadlines; daemons known by pid and start time
* ``packages``: Debian packages, virtual environments, Spillway's wheel
* ``configuration``: templates become configuration files
* ``infrastructure``, ``telemetry``, ``services``: what is started, with which arguments
* ``databases``, ``resources``, ``policy``: what is in the databases, and Spillway's policy file
* ``lifecycle``: the steps of up and down, in order
* ``ec2_proxy``, ``client``, ``journal``: what tests use to change and to observe the cloud
"""
