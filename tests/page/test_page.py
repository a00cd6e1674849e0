# SPDX-License-Identifier: Apache-2.0
"""What an operator sees, whatever the browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request

from tests.page.browser import WIDTHS
from tests.page.conftest import Serve

VIEWS = ("busy", "new", "bad-day", "large", "hostile")

widths = pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
scripts = pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
views = pytest.mark.parametrize("view", VIEWS)


@contextmanager
def opened(
    browser: Browser, url: str, *, width: int = 1280, script: bool = True, scheme: str = "light"
) -> Iterator[Page]:
    """Open a page; whatever it complains of, or asks others for, fails the test."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=script, color_scheme=scheme
    )
    complaints: list[str] = []
    foreign: list[str] = []

    def seen(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and address.netloc != urlsplit(url).netloc:
            foreign.append(request.url)

    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", seen)
    page.goto(url)
    yield page
    context.close()
    assert (complaints, foreign) == ([], [])


def status(url: str) -> dict:
    with urlopen(f"{url}api/v1/status", timeout=30) as answer:
        return dict(json.load(answer))


@views
@widths
@scripts
def test_nothing_is_cut_off(browser: Browser, serve: Serve, view, width, script):
    with opened(browser, serve(view), width=width, script=script) as page:
        assert page.locator("h1").inner_text() == "Spillway"
        # Asked from outside, so it works where the page has no scripts, too.
        metrics = page.context.new_cdp_session(page).send("Page.getLayoutMetrics")
        assert metrics["cssContentSize"]["width"] <= width


@views
@widths
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_read_it(browser: Browser, serve: Serve, view, width, scheme):
    with opened(browser, serve(view), width=width, scheme=scheme) as page:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


@scripts
def test_it_shows_what_the_api_says(browser: Browser, serve: Serve, script):
    url = serve("busy")
    with opened(browser, url, script=script) as page:
        view = status(url)
        assert page.locator("#mode").inner_text() == view["mode"]["effective"]
        for gate in view["gates"]:
            row = page.locator(".gates tbody tr", has_text=gate["scope"])
            assert gate["effective"] in row.inner_text()
            assert gate["why"] in row.inner_text()
        for signal in view["signals"]:
            card = page.locator(".signal", has=page.get_by_role("heading", name=signal["name"]))
            shown = card.locator(".value data")
            if signal["value"] is None:
                assert shown.count() == 0
            else:
                assert float(shown.get_attribute("value") or "") == signal["value"]
            assert card.locator("polyline").count() == (1 if signal["course"] else 0)
            text = card.locator("svg").inner_html()
            assert f"opens at {signal['open_at']:g}" in text
            assert f"closes at {signal['close_at']:g}" in text
        rows = page.locator(".decisions tbody tr")
        assert rows.count() == len(view["decisions"])
        for at, decision in enumerate(view["decisions"]):
            text = rows.nth(at).inner_text()
            assert all(reason["code"] in text for reason in decision["reasons"])
        tile = page.locator(".tiles > div", has_text="Spend").locator("data")
        spend = [float(tile.nth(at).get_attribute("value") or "") for at in range(2)]
        assert spend == [view["spend"]["hourly_usd"], view["spend"]["month_usd"]]
        for source in view["sources"]:
            row = page.locator(".sources tbody tr").filter(
                has=page.get_by_role("rowheader", name=source["name"])
            )
            if source["error"]:
                assert source["error"] in row.first.inner_text()


def test_what_is_wrong_comes_first(browser: Browser, serve: Serve):
    url = serve("bad-day")
    with opened(browser, url) as page:
        notices = page.locator("main > .notice").all_inner_texts()
        view = status(url)
        assert "refused" in notices[0]
        assert view["config"]["refusal"].splitlines()[0] in notices[0]
        assert any(view["snapshot"]["error"] in notice for notice in notices)
        assert any("paused" in notice for notice in notices)


def test_stale_time_is_hatched(browser: Browser, serve: Serve):
    with opened(browser, serve("busy")) as page:
        for name, expected in (("queue_wait", 1), ("cpu_busy", 0)):
            card = page.locator(".signal", has=page.get_by_role("heading", name=name))
            assert card.locator("rect.stale").count() == expected


def test_the_largest_page_is_small(serve: Serve):
    with urlopen(serve("large"), timeout=30) as answer:
        assert len(answer.read()) < 64 * 1024


@scripts
def test_hostile_text_does_nothing(browser: Browser, serve: Serve, script):
    with opened(browser, serve("hostile"), script=script) as page:
        if script:
            # The script's own update parses the text once more.
            for _ in range(2):
                with page.expect_response(re.compile("content=1")):
                    pass
            assert page.evaluate("window.pwned") is None
        assert page.locator("main img, main script").count() == 0
        assert "<script>" in page.locator(".signal h3").first.inner_text()


def test_a_script_brings_news_and_leaves_the_focus_where_it_is(browser: Browser, serve: Serve):
    with opened(browser, serve("busy")) as page:
        link = page.get_by_role("link", name="Metrics")
        link.focus()
        place = page.evaluate("scrollY")
        page.evaluate("document.querySelector('nav a').marked = true")
        clock = page.locator(".clock")
        before = clock.inner_text()
        page.wait_for_function(
            "text => document.querySelector('.clock').innerText !== text", arg=before
        )
        assert page.evaluate("document.activeElement.marked") is True
        assert page.evaluate("scrollY") == place


def test_without_a_script_the_page_is_loaded_again(browser: Browser, serve: Serve):
    with opened(browser, serve("busy"), script=False) as page:
        before = page.locator(".clock").inner_text()
        with page.expect_navigation(timeout=30_000):
            pass
        assert page.locator(".clock").inner_text() != before


def test_an_operators_word_is_shown_at_once(browser: Browser, serve: Serve):
    url = serve("new")
    with opened(browser, url) as page:
        answer = page.request.post(f"{url}api/v1/pause", data={})
        assert answer.ok, answer.text()
        page.get_by_text("An operator paused launches.").wait_for()
        assert "paused" in page.title()


def test_a_lost_sidecar_is_said(browser: Browser, serve: Serve):
    context = browser.new_context()
    page = context.new_page()
    page.goto(serve("busy"))
    alert = page.get_by_role("alert")
    assert not alert.is_visible()
    context.set_offline(True)
    alert.wait_for()
    context.set_offline(False)
    alert.wait_for(state="hidden")
    context.close()


def test_a_token_is_asked_for_and_lets_the_page_in(browser: Browser, serve: Serve, tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("a-token-of-many-letters")
    url = serve("busy", str(file))
    without = browser.new_context()
    assert without.request.get(url).status == 401
    without.close()
    login = {"username": "operator", "password": "a-token-of-many-letters"}
    context = browser.new_context(http_credentials=login)
    page = context.new_page()
    page.goto(url)
    with page.expect_response(re.compile("content=1")):
        pass
    assert not page.get_by_role("alert").is_visible()
    context.close()
