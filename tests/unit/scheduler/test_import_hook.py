# SPDX-License-Identifier: Apache-2.0
"""The import hook, in interpreters of its own with a stand-in for Nova's package."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

import nova_spillway

SITE = str(pathlib.Path(nova_spillway.__file__).parents[1])
STOCK = "nova.scheduler.manager.SchedulerManager"
OURS = "nova_spillway.scheduler.loading.scheduler_manager"


@pytest.fixture
def nova(tmp_path: pathlib.Path) -> pathlib.Path:
    """A package named nova in a directory of its own, with a table of managers."""
    package = tmp_path / "nova"
    (package / "virt").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "virt" / "__init__.py").touch()
    (package / "service.py").write_text(
        f"SERVICE_MANAGERS = {{'nova-scheduler': '{STOCK}', 'nova-compute': 'other'}}\n"
    )
    return tmp_path


def run(nova: pathlib.Path, code: str) -> list[str]:
    """Run code in an interpreter that sees our package and the stand-in only; return its output."""
    prelude = f"import sys; sys.path[:0] = [{str(nova)!r}, {SITE!r}]\n"
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", prelude + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


INSTALL = "import nova_spillway.import_hook as hook; hook.install()\n"


def test_table_names_our_factory(nova: pathlib.Path) -> None:
    printed = run(
        nova, INSTALL + "import nova.service; print(*nova.service.SERVICE_MANAGERS.values())"
    )
    assert printed == [OURS, "other"]


def test_installing_late_works_too(nova: pathlib.Path) -> None:
    printed = run(
        nova,
        f"import nova.service\n{INSTALL}print(nova.service.SERVICE_MANAGERS['nova-scheduler'])",
    )
    assert printed == [OURS]


def test_installing_twice_adds_nothing(nova: pathlib.Path) -> None:
    code = "n = len(sys.meta_path); hook.install(); print(len(sys.meta_path) - n)"
    assert run(nova, INSTALL + code) == ["0"]


def test_somebody_elses_manager_stays(nova: pathlib.Path) -> None:
    (nova / "nova" / "service.py").write_text("SERVICE_MANAGERS = {'nova-scheduler': 'theirs'}\n")
    printed = run(
        nova, INSTALL + "import nova.service; print(*nova.service.SERVICE_MANAGERS.values())"
    )
    assert printed == ["theirs"]


@pytest.mark.parametrize("content", ["", "SERVICE_MANAGERS = None\n", "SERVICE_MANAGERS = 5\n"])
def test_a_service_module_without_the_table_is_imported(nova: pathlib.Path, content: str) -> None:
    (nova / "nova" / "service.py").write_text(content)
    assert run(nova, INSTALL + "import nova.service; print('imported')") == ["imported"]


def test_an_error_in_the_service_module_is_its_own(nova: pathlib.Path) -> None:
    (nova / "nova" / "service.py").write_text("raise KeyError('nova')\n")
    code = """
        try:
            import nova.service
        except KeyError as error:
            print(error.args[0], "nova.service" in sys.modules)
    """
    assert run(nova, INSTALL + textwrap.dedent(code)) == ["nova", "False"]


def test_module_does_not_show_that_it_was_watched(nova: pathlib.Path) -> None:
    code = """
        import nova.service, importlib, inspect
        print(type(nova.service.__loader__).__name__, type(nova.service.__spec__.loader).__name__)
        importlib.reload(nova.service)
        print(nova.service.SERVICE_MANAGERS['nova-scheduler'])
        print("MANAGERS" in inspect.getsource(nova.service))
    """
    assert run(nova, INSTALL + textwrap.dedent(code)) == [
        "SourceFileLoader",
        "SourceFileLoader",
        OURS,
        "True",
    ]


def test_a_broken_finder_of_somebody_else_does_not_matter(nova: pathlib.Path) -> None:
    code = """
        class Broken:
            def find_spec(self, *args):
                if args[0] == "nova.service" and not self.__dict__.get("done"):
                    self.done = True
                    raise RuntimeError
        sys.meta_path.insert(1, Broken())
        import nova.service
        print("imported")
    """
    assert run(nova, INSTALL + textwrap.dedent(code)) == ["imported"]


def test_nothing_but_the_standard_library_is_loaded(nova: pathlib.Path) -> None:
    """Nova 34 refuses to start when eventlet or oslo.messaging is loaded before its own code."""
    code = """
        before = set(sys.modules)
        import nova_spillway.import_hook as hook
        hook.install()
        print(*sorted(set(sys.modules) - before))
    """
    loaded = run(nova, textwrap.dedent(code))
    assert [m for m in loaded if m.partition(".")[0] not in sys.stdlib_module_names] == [
        "nova_spillway",
        "nova_spillway.import_hook",
    ]


def test_virt_driver_is_served_when_nova_lies_elsewhere(nova: pathlib.Path) -> None:
    """The stand-in's nova.virt has no spillway, as a distribution's Nova beside our wheel."""
    code = """
        import types
        driver = types.ModuleType("nova_spillway.virt.driver")
        driver.SpillwayDriver = type("SpillwayDriver", (), {})
        sys.modules["nova_spillway.virt.driver"] = driver
        import nova.virt.spillway
        print(nova.virt.spillway.SpillwayDriver is driver.SpillwayDriver)
        for other in ("nova.virt.spillway2", "nova.virt.spillway.more", "nova.spillway"):
            try:
                __import__(other)
            except ImportError:
                print("no")
    """
    assert run(nova, INSTALL + textwrap.dedent(code)) == ["True", "no", "no", "no"]


def test_a_shim_of_the_wheel_goes_first(nova: pathlib.Path) -> None:
    shim = nova / "nova" / "virt" / "spillway"
    shim.mkdir()
    (shim / "__init__.py").write_text("SpillwayDriver = 'shim'\n")
    code = "import nova.virt.spillway; print(nova.virt.spillway.SpillwayDriver)"
    assert run(nova, INSTALL + code) == ["shim"]
