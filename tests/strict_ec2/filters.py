# SPDX-License-Identifier: Apache-2.0
"""Filters of the Describe actions. Pure.

EC2 user guide, "Filter your resources" and EC2 API reference, Filter: values of one filter are
alternatives, filters are all required, names and values are case-sensitive, ``*`` stands for any
characters and ``?`` for one, a backslash takes a wildcard literally, at most 200 values.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tests.strict_ec2 import wire
from tests.strict_ec2.errors import Ec2Error, not_implemented

MAX_VALUES = 200

T = TypeVar("T")
Reader = Callable[[T], Iterable[str]]
"""Returns what a filter of one name is compared with."""


def compiled(
    action: str,
    filters: Sequence[Mapping[str, Any]],
    readers: Mapping[str, Reader[T]],
    tags: Callable[[T], Mapping[str, str]] | None = None,
) -> Callable[[T], bool]:
    """Return a test for one record.

    :param tags: reads a record's tags, for the filters ``tag:<key>`` and ``tag-key``.
    :raises Ec2Error: InvalidParameterValue for a name that EC2 has not, FilterLimitExceeded;
        a name that EC2's documentation has and we have not is refused as unknown to us.
    """
    tests: list[tuple[Reader[T], Callable[[str], bool]]] = []
    if sum(len(entry.get("Values", ())) for entry in filters) > MAX_VALUES:
        raise Ec2Error("FilterLimitExceeded", "The maximum number of filter values is 200.")
    for entry in filters:
        name, values = entry.get("Name", ""), entry.get("Values", [])
        if not name or not values:
            raise Ec2Error("InvalidParameterValue", f"The filter '{name}' needs name and values")
        tests.append((_reader(action, name, readers, tags), matcher(tuple(values))))
    return lambda record: all(any(map(fits, read(record))) for read, fits in tests)


def _reader(
    action: str,
    name: str,
    readers: Mapping[str, Reader[T]],
    tags: Callable[[T], Mapping[str, str]] | None,
) -> Reader[T]:
    if tags is not None:
        read = tags
        if name.startswith("tag:"):
            key = name[len("tag:") :]
            return lambda record: [read(record)[key]] if key in read(record) else []
        if name == "tag-key":
            return read
    if name in readers:
        return readers[name]
    if name in documented_names(action):
        raise not_implemented(f"the filter {name}")
    raise Ec2Error("InvalidParameterValue", f"The filter '{name}' is invalid")


@functools.cache
def documented_names(action: str) -> frozenset[str]:
    """Return the filter names in the documentation of the service model."""
    shape = wire.service_model().operation_model(action).input_shape
    assert shape is not None
    return frozenset(re.findall(r"<code>([^<]+)</code> -", shape.members["Filters"].documentation))


def exact_values(filters: Sequence[Mapping[str, Any]], name: str) -> list[str] | None:
    """Return the values of a filter when none has a wildcard, for a look into an index."""
    for entry in filters:
        if entry.get("Name") == name and not any(
            character in value for value in entry.get("Values", ()) for character in "*?\\"
        ):
            return list(entry.get("Values", ()))
    return None


@functools.lru_cache(maxsize=4096)
def matcher(values: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a test whether a text is one of these values, wildcards obeyed."""
    literal = {value for value in values if not set(value) & set("*?\\")}
    patterns = [re.compile(_pattern(value), re.DOTALL) for value in values if value not in literal]
    return lambda text: text in literal or any(p.fullmatch(text) for p in patterns)


def _pattern(value: str) -> str:
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
