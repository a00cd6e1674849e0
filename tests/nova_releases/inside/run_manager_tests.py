# SPDX-License-Identifier: Apache-2.0
"""Runs Nova's own scheduler tests in a release's environment and writes what happened as JSON.

Executed as a file by that environment's interpreter (3.9 or later). With ``--manager`` the named
class takes the place of ``SchedulerManager``; the tests themselves stay as Nova ships them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import platform
import sys
import types
import unittest
from pathlib import Path
from unittest import mock

# Nova patches the interpreter while this package is imported, so it comes before everything else.
import nova.tests.unit  # noqa: F401  isort: skip
from nova.scheduler.client import report

Case = type[unittest.TestCase]


class ManagerModule(types.ModuleType):
    """``nova.scheduler.manager`` as a test module sees it, with another class in it.

    Everything but the one class is read from and written to the real module, so that a test that
    patches ``manager.LOG`` patches what the code under test uses. The real module keeps its class:
    patches by dotted name reach the stock class, through which the replacement must run.
    """

    def __init__(self, real: types.ModuleType, replacement: type) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(_real=real, SchedulerManager=replacement)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._real, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._real, name)


class TraitsOfPlacement:
    """Stands in for the one thing of Placement that Nova's tests do not: it has every trait.

    Nova's tests reach no Placement. Without this the replacement finds none either and does as
    stock does; with it the replacement takes its own way through every test.
    """

    def __init__(self) -> None:
        self.asked = 0

    def answering(self) -> mock._patch:
        """Returns the patch of Nova's report client, as a context manager."""
        real = report.SchedulerReportClient.put

        def put(client: object, url: str, *args: object, **kwargs: object) -> object:
            if not url.startswith("/traits/"):
                return real(client, url, *args, **kwargs)
            self.asked += 1
            return types.SimpleNamespace(status_code=204, text="")

        return mock.patch.object(report.SchedulerReportClient, "put", put)


def with_replacement(case: Case, module: types.ModuleType, replacement: type) -> Case:
    """Returns a subclass of Nova's test case, all of whose managers are the replacement."""

    class InItsPlace(case):
        manager_cls = replacement

        def setUp(self) -> None:
            if hasattr(module, "manager"):
                swapped = mock.patch.object(
                    module, "manager", ManagerModule(module.manager, replacement)
                )
                swapped.start()
                self.addCleanup(swapped.stop)
            super().setUp()
            built = getattr(self, "manager", None)
            if built is not None and type(built) is not replacement:
                raise AssertionError(f"the test built a {type(built)}, not a {replacement}")

    InItsPlace.__name__ = case.__name__
    InItsPlace.__qualname__ = case.__qualname__
    return InItsPlace


def suite_of(module_name: str, replacement: type | None) -> unittest.TestSuite:
    """Returns the tests of one module; only the replaced cases, never a stock one beside them."""
    module = importlib.import_module(module_name)
    cases = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, unittest.TestCase)
        and value.__module__ == module_name
    ]
    if replacement is not None:
        cases = [with_replacement(case, module, replacement) for case in cases]
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    return unittest.TestSuite(load(case) for case in cases)


class Outcomes(unittest.TestResult):
    """Keeps one word per test, and the traceback of each one that did not pass."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, str] = {}
        self.tracebacks: dict[str, str] = {}

    @staticmethod
    def name(test: unittest.TestCase) -> str:
        """As in "SchedulerManagerTestCase.test_reset"."""
        return f"{type(test).__name__}.{test.id().rsplit('.', 1)[-1]}"

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.words[self.name(test)] = "passed"

    def addError(self, test: unittest.TestCase, err: object) -> None:
        super().addError(test, err)
        self._record(test, "error", self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addFailure(test, err)
        self._record(test, "failed", self.failures[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._record(test, "failed", "unexpected success")

    def _record(self, test: unittest.TestCase, word: str, traceback: str) -> None:
        self.words[self.name(test)] = word
        self.tracebacks[self.name(test)] = traceback


def manager_class(name: str, policy_file: str | None) -> type:
    """Imports "module:Class"; its policy file is set as the default of Spillway's own option."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if policy_file is not None:
        from nova.conf import CONF

        from nova_spillway.conf import register_opts

        register_opts(CONF)
        CONF.set_default("policy_file", policy_file, group="spillway")
    return found


def backend() -> str:
    """Returns "eventlet" when this interpreter is patched; Nova 33 imports it even when not."""
    patcher = sys.modules.get("eventlet.patcher")
    return "eventlet" if patcher and patcher.is_monkey_patched("socket") else "threading"


def main() -> int:
    """Runs the tests; 0 means that the report was written, whatever is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--manager", metavar="MODULE:CLASS")
    parser.add_argument("--policy-file")
    parser.add_argument("--placement", choices=("silent", "has-traits"), default="silent")
    parser.add_argument("--report", type=Path, required=True)
    arguments = parser.parse_args()
    # Nova's option parser reads sys.argv in places; what is ours must not reach it.
    del sys.argv[1:]
    replacement = None
    if arguments.manager:
        replacement = manager_class(arguments.manager, arguments.policy_file)
    outcomes = Outcomes()
    traits = TraitsOfPlacement()
    with traits.answering() if arguments.placement == "has-traits" else contextlib.nullcontext():
        for module in arguments.modules:
            suite_of(module, replacement).run(outcomes)
    result = {
        "manager": arguments.manager,
        "python": platform.python_version(),
        "backend": backend(),
        "trait_calls": traits.asked,
        "outcomes": outcomes.words,
        "tracebacks": outcomes.tracebacks,
    }
    arguments.report.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
