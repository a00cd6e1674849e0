# SPDX-License-Identifier: Apache-2.0
"""The import hook that lets Nova's own commands load Spillway.

``nova_spillway.pth`` calls :func:`install` at the start of every interpreter of the environment.
The hook waits for two imports:

* ``nova.service``: its table of managers gets Spillway's factory as the manager of nova-scheduler.
  The factory builds Nova's own manager unless nova.conf says ``scheduler_driver = spillway``.
* ``nova.virt.spillway``, and only when nothing else provides it: Nova loads virt drivers from
  inside ``nova.virt`` alone, and an installation that has Nova in another site directory than
  Spillway (a distribution's Nova, Spillway from pip) does not see the shim of this wheel there.

Nothing but ``sys`` and ``importlib``'s own parts may be imported here: Nova 34 refuses to start
when certain modules are loaded before its own start-up code. And nothing may fail here: an error
would hit every Python program of the environment.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

STOCK_MANAGER = "nova.scheduler.manager.SchedulerManager"
SPILLWAY_MANAGER = "nova_spillway.scheduler.loading.scheduler_manager"


def install() -> None:
    """Add the finders to ``sys.meta_path``, once. Never raises."""
    try:
        if any(isinstance(finder, NovaServiceFinder) for finder in sys.meta_path):
            return
        service = sys.modules.get("nova.service")
        if service is not None:
            offer_manager(service)
        sys.meta_path.insert(0, NovaServiceFinder())
        sys.meta_path.append(VirtShimFinder())
    except Exception:  # An interpreter without the hook is better than no interpreter.
        return


def offer_manager(service: ModuleType) -> None:
    """Make Spillway's factory the manager of nova-scheduler in ``nova.service``.

    A table that does not name Nova's stock manager is somebody else's work and stays as it is.
    """
    managers = getattr(service, "SERVICE_MANAGERS", None)
    if isinstance(managers, dict) and managers.get("nova-scheduler") == STOCK_MANAGER:
        managers["nova-scheduler"] = SPILLWAY_MANAGER


class NovaServiceFinder:
    """Finds ``nova.service`` with the other finders and watches it being executed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return the spec of ``nova.service`` with a watching loader, else None."""
        if fullname != "nova.service":
            return None
        try:
            for finder in sys.meta_path:
                find_spec = getattr(finder, "find_spec", None)
                if finder is self or find_spec is None:
                    continue
                spec: ModuleSpec | None = find_spec(fullname, path, target)
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader = _WatchingLoader(spec.loader)  # type: ignore[assignment]
                    return spec
        except Exception:  # Let the import go on without us, and fail by itself if it must.
            return None
        return None


class _WatchingLoader:
    """Runs the real loader, hands it back to the module, then offers the manager."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # Tracebacks, inspect and reload look at these; they shall not see that we were here.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        try:
            offer_manager(module)
        except Exception:
            return


class VirtShimFinder:
    """Serves ``nova.virt.spillway`` when no other finder has it. Stands last for that reason."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return a spec for exactly ``nova.virt.spillway``, else None."""
        if fullname != "nova.virt.spillway":
            return None
        return ModuleSpec(fullname, _VirtShimLoader(), origin="nova_spillway.import_hook")  # type: ignore[arg-type]


class _VirtShimLoader:
    """Fills the module with what the wheel's shim has: the driver class."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from nova_spillway.virt.driver import SpillwayDriver

        module.__dict__["SpillwayDriver"] = SpillwayDriver
