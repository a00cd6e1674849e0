# SPDX-License-Identifier: Apache-2.0
"""What the wheel holds, and what installing it does and does not do."""

from __future__ import annotations

import ast
import pathlib
from typing import Any

import pytest
from wheel_environments import Environment

PROBE = pathlib.Path(__file__).with_name("probe.py").read_text()
STOCK = "nova.scheduler.manager.SchedulerManager"
OURS = "nova_spillway.scheduler.manager.MultiScheduler"


def probe(environment: Environment, nova_conf: str) -> dict[str, Any]:
    """Start the scheduler's manager in an environment with a nova.conf of that content."""
    path = environment.folder / "nova.conf"
    path.write_text(nova_conf)
    return environment.answer(PROBE, str(path))


def test_shim_and_hook_are_all_that_lies_outside_our_package(unpacked: pathlib.Path) -> None:
    files = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    outside = {
        name.partition(".data/platlib/")[2] or name
        for name in files
        if not name.startswith("nova_spillway/") and ".dist-info/" not in name
    }
    assert outside == {"nova/virt/spillway/__init__.py", "nova_spillway.pth"}


def test_package_is_typed_and_whole(unpacked: pathlib.Path) -> None:
    package = unpacked / "nova_spillway"
    assert (package / "py.typed").exists()
    assert (package / "_native.pyi").exists()
    assert list(package.glob("_native*.so"))
    assert not list(package.rglob("__pycache__"))


def test_every_module_is_python_3_9(unpacked: pathlib.Path) -> None:
    for module in unpacked.rglob("*.py"):
        ast.parse(module.read_text(), str(module), feature_version=(3, 9))


def test_nothing_is_required_but_what_nova_has(unpacked: pathlib.Path) -> None:
    [metadata] = unpacked.glob("*.dist-info/METADATA")
    required = [
        line for line in metadata.read_text().splitlines() if line.startswith("Requires-Dist")
    ]
    always = [line for line in required if "extra ==" not in line]
    assert len(always) == 1, required
    assert always[0].startswith("Requires-Dist: prometheus"), always


def test_unset_option_changes_nothing(bare: Environment, installed: Environment) -> None:
    """Also with another driver's name, as a nova.conf from before Nova 23 may have it."""
    without = probe(bare, "")
    assert without["manager"] == STOCK
    for nova_conf in ("", "[DEFAULT]\nscheduler_driver = filter_scheduler\n"):
        with_wheel = probe(installed, nova_conf)
        more = set(with_wheel.pop("modules")) - set(without["modules"])
        assert with_wheel == {key: value for key, value in without.items() if key != "modules"}
        assert more == {
            "nova_spillway",
            "nova_spillway.conf",
            "nova_spillway.import_hook",
            "nova_spillway.scheduler",
            "nova_spillway.scheduler.loading",
        }
        assert not with_wheel["behaviour"]["asked"][0].count("SPILLWAY")


@pytest.mark.parametrize("name", ["installed", "split"])
def test_option_loads_our_manager(name: str, request: pytest.FixtureRequest) -> None:
    environment: Environment = request.getfixturevalue(name)
    told = probe(environment, "[DEFAULT]\nscheduler_driver = spillway\n")
    assert told["manager"] == OURS
    assert told["behaviour"]["answer"] == [["selection"]]


SHIM = """
    import json
    import nova.virt.spillway as shim
    import nova.virt
    import nova_spillway.virt.driver as driver
    from nova.virt.driver import ComputeDriver
    from oslo_utils import importutils

    print(json.dumps({
        "nova": nova.virt.__file__,
        "shim": getattr(shim, "__file__", None),
        "ours": driver.__file__,
        "same": importutils.import_class("nova.virt.spillway.SpillwayDriver")
        is driver.SpillwayDriver,
        "is_driver": issubclass(driver.SpillwayDriver, ComputeDriver),
    }))
"""


def test_shim_of_the_installed_wheel(installed: Environment) -> None:
    told = installed.answer(SHIM)
    site_packages = str(installed.site_packages)
    assert told["shim"] == f"{site_packages}/nova/virt/spillway/__init__.py"
    assert told["ours"].startswith(site_packages)
    assert told["same"] and told["is_driver"]


def test_split_install_is_served_by_the_hook(split: Environment) -> None:
    told = split.answer(SHIM)
    site_packages = str(split.site_packages)
    assert not told["nova"].startswith(site_packages)
    assert told["shim"] is None
    assert told["ours"].startswith(site_packages)
    assert told["same"] and told["is_driver"]


def test_other_programs_of_the_environment_are_left_alone(installed: Environment) -> None:
    code = """
        import json, sys
        print(json.dumps([m for m in sys.modules if m.startswith(("nova", "oslo", "eventlet"))]))
    """
    assert sorted(installed.answer(code)) == ["nova_spillway", "nova_spillway.import_hook"]


def test_api_loads_the_validators(installed: Environment) -> None:
    code = """
        import json
        from nova.api.validation.extra_specs import validators
        print(json.dumps([name for name in validators.VALIDATORS if name.startswith("spillway:")]))
    """
    assert sorted(installed.answer(code)) == ["spillway:burst", "spillway:size"]


def test_options_are_in_the_sample_of_oslo_config(installed: Environment) -> None:
    code = """
        import json
        from oslo_config import generator
        listed = generator._list_opts(["nova_spillway"])
        print(json.dumps([[group, option.name] for _, groups in listed
                          for group, options in groups for option in options]))
    """
    assert sorted(installed.answer(code)) == [
        ["DEFAULT", "scheduler_driver"],
        ["spillway", "policy_file"],
    ]


def test_command_of_its_own_is_nova_scheduler(installed: Environment) -> None:
    code = """
        import json, runpy, sys
        sys.argv = ["scheduler", "--version"]
        try:
            runpy.run_module("nova_spillway.scheduler", run_name="__main__", alter_sys=True)
        except SystemExit as exit_:
            from nova import service
            print(json.dumps([exit_.code, service.SERVICE_MANAGERS["nova-scheduler"]]))
    """
    assert installed.answer(code) == [0, "nova_spillway.scheduler.loading.spillway_manager"]


def test_removal_leaves_nothing(
    tmp_path: pathlib.Path, wheel: pathlib.Path, bare: Environment
) -> None:
    environment = Environment(tmp_path / "removed")
    (environment.site_packages / "nova" / "virt").mkdir(parents=True)
    environment.install(wheel)
    environment.run("import nova_spillway")
    environment.pip("uninstall", "--yes", "nova-spillway")
    left = [
        path
        for path in environment.site_packages.rglob("*")
        if path.is_file() and not path.is_relative_to(environment.site_packages / "pip")
    ]
    assert [path for path in left if "spillway" in str(path)] == []
    assert environment.run("pass").stderr == ""
