# SPDX-License-Identifier: Apache-2.0
"""Options of nova.conf and the manager that they choose, and the API's validators."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import nova.scheduler.manager
import pytest
from nova import exception
from oslo_config import cfg

from nova_spillway import conf as spillway_conf
from nova_spillway.api import extra_specs
from nova_spillway.scheduler import loading


def test_options_register_twice() -> None:
    conf = cfg.ConfigOpts()
    spillway_conf.register_opts(conf)
    spillway_conf.register_opts(conf)
    conf([])
    assert conf.scheduler_driver is None
    assert conf.spillway.policy_file == "/etc/spillway/spillway.toml"


def test_options_beside_those_of_nova_22() -> None:
    """There, [DEFAULT] scheduler_driver is the old name of [scheduler] driver."""
    conf = cfg.ConfigOpts()
    conf.register_opts(
        [
            cfg.StrOpt(
                "driver",
                default="filter_scheduler",
                deprecated_name="scheduler_driver",
                deprecated_group="DEFAULT",
            )
        ],
        group="scheduler",
    )
    spillway_conf.register_opts(conf)
    conf([])
    assert conf.scheduler.driver == "filter_scheduler"


def test_every_option_is_listed_and_explained() -> None:
    listed = dict(spillway_conf.list_opts())
    assert set(listed) == {"DEFAULT", "spillway"}
    for options in listed.values():
        for option in options:
            assert option.help, option.name


@pytest.fixture
def managers() -> object:
    """Both managers as markers, and a nova.conf."""
    conf = cfg.ConfigOpts()
    conf.register_group(cfg.OptGroup("scheduler"))
    spillway_conf.register_opts(conf)
    conf([])
    built = SimpleNamespace(conf=conf, ours=mock.Mock(return_value="ours"))
    with (
        mock.patch("nova.conf.CONF", conf),
        mock.patch.object(
            nova.scheduler.manager, "SchedulerManager", mock.Mock(return_value="stock")
        ),
        mock.patch.dict(
            "sys.modules",
            {"nova_spillway.scheduler.manager": SimpleNamespace(MultiScheduler=built.ours)},
        ),
    ):
        yield built


@pytest.mark.parametrize(
    ("driver", "manager"),
    [(None, "stock"), ("", "stock"), ("filter_scheduler", "stock"), ("spillway", "ours")],
)
def test_manager_that_the_option_asks_for(
    managers: SimpleNamespace, driver: str | None, manager: str
) -> None:
    managers.conf.set_override("scheduler_driver", driver)
    assert loading.scheduler_manager(host="h") == manager


def test_stock_manager_when_ours_cannot_be_built(managers: SimpleNamespace) -> None:
    managers.conf.set_override("scheduler_driver", "spillway")
    managers.ours.side_effect = RuntimeError
    assert loading.scheduler_manager() == "stock"


def test_stock_manager_when_ours_cannot_be_imported(managers: SimpleNamespace) -> None:
    managers.conf.set_override("scheduler_driver", "spillway")
    with mock.patch.dict("sys.modules", {"nova_spillway.scheduler.manager": None}):
        assert loading.scheduler_manager() == "stock"


def test_nova_22_keeps_its_own_way_of_loading(managers: SimpleNamespace) -> None:
    managers.conf.register_opts([cfg.StrOpt("driver")], group="scheduler")
    managers.conf.set_override("scheduler_driver", "spillway")
    assert loading.scheduler_manager() == "stock"


def test_command_of_its_own_needs_no_option(managers: SimpleNamespace) -> None:
    assert loading.spillway_manager() == "ours"


@pytest.mark.parametrize(
    ("key", "value", "is_good"),
    [
        ("spillway:burst", "never", True),
        ("spillway:burst", "overflow", True),
        ("spillway:burst", "load", True),
        ("spillway:burst", "always", False),
        ("spillway:burst", "", False),
        ("spillway:size", "t3.micro", True),
        ("spillway:size", "u-6tb1.metal", True),
        ("spillway:size", "t3 micro", False),
        ("spillway:size", "", False),
    ],
)
def test_extra_spec_validators(key: str, value: str, is_good: bool) -> None:
    validators = {validator.name: validator for validator in extra_specs.register()}
    if is_good:
        validators[key].validate(key, value)
    else:
        with pytest.raises(exception.ValidationError):
            validators[key].validate(key, value)
