# SPDX-License-Identifier: Apache-2.0
"""An EC2 endpoint that refuses what EC2 refuses and behaves as badly, for tests.

It stands in moto's place: own state, own clock, one account in one region. What goes over the wire
is checked against botocore's service model both ways. ``README.md`` lists the rules and where each
comes from. Rooms, top down: ``server`` (HTTP, the clock), ``control`` (orders of a test),
``endpoint`` (one request from parameters to answer), the actions (``launch``, ``lifecycle``,
``listing``, ``tagging``, ``key_pairs``, ``surroundings``), ``region`` (all state) and what it is
made of (``machine``, ``addresses``, ``capacity``, ``tokens``, ``buckets``, ``faults``), ``wire``.

Only ``server`` reads a clock or opens a socket. Everywhere else the time is an argument, in Unix
seconds, and chance comes from ``faults``, from one seed.
"""
