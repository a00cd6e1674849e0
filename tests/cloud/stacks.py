# SPDX-License-Identifier: Apache-2.0
"""Heat stacks: one whose output a test sets, and a group that two policies scale."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.cloud import waiting
from tests.cloud.client import Cloud
from tests.cloud.configuration import TEMPLATES

STACK_SECS = 120.0
"""How long Heat may take over one stack. Seen: 3 s on two busy cores."""


class Stack:
    """A stack of the project ``admin``, which the sidecar works in."""

    def __init__(self, cloud: Cloud, template: str, **parameters: object) -> None:
        self._heat = cloud.project("admin").orchestration
        self._template = (TEMPLATES / f"stack-{template}.yaml").read_text()
        self.name = f"{template}-{uuid.uuid4().hex[:8]}"
        created = self._heat.create_stack(
            name=self.name, template=self._template, parameters=parameters
        )
        self.id = str(created.id)
        self._settle("CREATE_COMPLETE")

    def update(self, **parameters: object) -> None:
        """Give parameters other values and return when the outputs show it."""
        self._heat.update_stack(self.id, template=self._template, parameters=parameters)
        self._settle("UPDATE_COMPLETE")

    def output(self, name: str) -> Any:
        """Return the value of an output now.

        :raises LookupError: the stack has no such output.
        """
        for output in self._heat.get_stack(self.id).outputs:
            if output["output_key"] == name:
                return output["output_value"]
        raise LookupError(f"stack {self.name} has no output {name}")

    def signal(self, resource: str) -> None:
        """Signal a resource, as an operator would."""
        self._heat.post(f"/stacks/{self.name}/{self.id}/resources/{resource}/signal", json={})

    def delete(self) -> None:
        """Delete the stack and return when it is gone."""
        self._heat.delete_stack(self.id)
        waiting.until(
            lambda: self.id not in {stack.id for stack in self._heat.stacks()},
            f"stack {self.name} is gone",
            STACK_SECS,
            0.3,
        )

    def _settle(self, wanted: str) -> None:
        def status() -> str:
            return str(self._heat.get_stack(self.id, resolve_outputs=False).status)

        waiting.until(
            lambda: status() == wanted or status().endswith("_FAILED"),
            lambda: f"stack {self.name} is {wanted}: it is {status()}",
            STACK_SECS,
            0.3,
        )
        if status() != wanted:
            raise AssertionError(f"stack {self.name} is {status()}")


@contextmanager
def stack(cloud: Cloud, template: str, **parameters: object) -> Iterator[Stack]:
    """Create a stack and delete it at the end."""
    created = Stack(cloud, template, **parameters)
    try:
        yield created
    finally:
        created.delete()
