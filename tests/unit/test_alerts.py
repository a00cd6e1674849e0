# SPDX-License-Identifier: Apache-2.0
"""The alerts: each fires and stays silent as it should, and has a runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULES = DOCS / "prometheus" / "spillway.rules.yml"
RULE_TESTS = DOCS / "prometheus" / "spillway.rules.test.yml"
PROMTOOL = "/usr/bin/promtool"

ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]

alerts = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def test_every_alert_fires_and_stays_silent_as_it_should():
    done = subprocess.run(
        [PROMTOOL, "test", "rules", RULE_TESTS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@alerts
def test_it_is_tested_both_ways(alert):
    name = alert["alert"]
    tests = {test["name"]: test for test in yaml.safe_load(RULE_TESTS.read_text())["tests"]}
    fires, silent = (tests[f"{name} {how}"]["promql_expr_test"] for how in ("fires", "is silent"))
    assert all(f'alertname="{name}"' in case["expr"] for case in fires + silent)
    assert fires[0]["exp_samples"] == [{"value": 1}]
    assert silent[0]["exp_samples"] == []


@alerts
def test_it_says_how_bad_it_is_and_what_to_do(alert):
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"].endswith(".")
    page, anchor = alert["annotations"]["runbook"].split("#")
    heads = re.findall(r"^#+ (.+)$", (DOCS.parent / page).read_text(), re.MULTILINE)
    assert anchor in {head.lower() for head in heads}


@alerts
def test_its_metrics_exist(alert):
    documented = set(re.findall(r"^\| `(\w+)`", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    used = set(re.findall(r"\bspillway_\w+", alert["expr"]))
    assert used <= documented
    assert used or "up{" in alert["expr"]


def test_the_command_in_the_file_makes_links_of_the_runbooks():
    text = RULES.read_text()
    [expression] = re.findall(r"sed '(.+)' spillway\.rules\.yml", text)
    assert expression in (DOCS / "runbooks.md").read_text()
    command = ["sed", expression, RULES]
    linked = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rules = [rule for group in yaml.safe_load(linked)["groups"] for rule in group["rules"]]
    urls = [rule["annotations"]["runbook_url"] for rule in rules]
    base = "https://docs.example.org/spillway/"
    assert urls == [alert["annotations"]["runbook"].replace("docs/", base) for alert in ALERTS]
