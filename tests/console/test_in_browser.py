"""Pages in a real browser: live, at every width, in light and dark, by keyboard, and cut off."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from evergrid.live.clock import VirtualClock
from evergrid.live.view import Alarm
from tests.live.fake_accounts import PASSWORD, FakeAccounts
from tests.live.fake_service import HOSTILE, FakeService
from tests.live.serving import Served, serving, start

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
HOSTILE_PATH = "/stations/%3Cscript%3Ealert(1)%3C%2Fscript%3E"
LIVE = [
    "/",
    "/stations",
    HOSTILE_PATH,
    "/sessions",
    "/signal",
    "/plan",
    "/alarms",
    "/ledger",
    "/audit",
    "/people",
    "/settings",
    "/account",
]
MODES = {
    "light": {"viewport": {"width": 1360, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1360, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 375, "height": 812}, "color_scheme": "light"},
    "dark phone": {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark"},
}
MOST_BYTES = 300_000
FIRST_LIVE_MS = 2000

FAULTS = """() => {
  const found = [];
  const say = (what, node) => found.push(what + ": " + node.outerHTML.slice(0, 120));
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || node.matches("script, noscript, option, [disabled]")) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(rgb(style.color)), light(ground(node))].sort((x, y) => y - x);
    const big = parseFloat(style.fontSize) >= 24;
    if ((a + 0.05) / (b + 0.05) < (big ? 3 : 4.5)) say("contrast", node);
  }
  for (const node of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!node.labels?.length && !node.getAttribute("aria-label")) say("no label", node);
  for (const node of document.querySelectorAll("table"))
    if (!node.caption) say("no caption", node);
  for (const node of document.querySelectorAll("th"))
    if (!node.scope) say("no scope", node);
  for (const node of document.querySelectorAll("button, a"))
    if (!node.textContent.trim() && !node.getAttribute("aria-label")) say("no name", node);
  for (const node of document.querySelectorAll("canvas"))
    if (!node.getAttribute("aria-label")) say("no name", node);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
  return found;
}"""
"""Accessibility that can be computed: contrast, names, labels, headers, width (WCAG 2.2 AA)."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        why = f"no headless browser on the PATH (looked for {', '.join(BROWSERS)})"
        if os.environ.get("EVERGRID_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{why}; `make services` installs one")
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


class Watched:
    """A page, and all that is wrong with it."""

    def __init__(self, context: BrowserContext, served: Served) -> None:
        self.page, self.url = context.new_page(), served.url
        self.complaints: list[str] = []
        self.bytes = 0
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(self.url + "/"):
            self.complaints.append(f"external request {request.url}")

    def log_in(self, person: str) -> None:
        self.page.goto(f"{self.url}/login")
        self.page.fill("[name=person]", person)
        self.page.fill("[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "login" not in url)


@pytest.fixture
def watched(chromium: Browser, served: Served) -> Iterator[Watched]:
    context = chromium.new_context(**MODES["light"])
    yield Watched(context, served)
    context.close()


@pytest.mark.parametrize("mode", MODES)
def test_every_view_is_sound_and_live(chromium: Browser, served: Served, mode: str):
    context = chromium.new_context(**MODES[mode])
    seen = Watched(context, served)
    seen.log_in("olga")
    for path in LIVE:
        seen.page.goto(served.url + path)
        seen.page.wait_for_selector("html[data-live]", timeout=FIRST_LIVE_MS, state="attached")
        for canvas in seen.page.locator("canvas").all():
            expect(canvas).to_have_attribute("data-drawn", re.compile(r"\d+"))
        assert seen.page.evaluate(FAULTS) == [], path
        assert seen.page.locator("#stale").is_hidden()
    context.clear_cookies()
    seen.log_in("dora")
    assert seen.page.url.endswith("/driver")
    assert seen.page.evaluate(FAULTS) == []
    assert seen.complaints == []
    context.close()


def test_what_is_unsound_is_found(watched: Watched, served: Served):
    watched.log_in("victor")
    watched.page.evaluate("""() => {
      const bad = document.createElement("section");
      bad.innerHTML = '<p id="x">grey</p><input id="x"><table><tr><th>a</th></tr></table>' +
        '<button></button><canvas></canvas><h1>two</h1><pre>' + "wide".repeat(900) + "</pre>";
      document.querySelector("main").append(bad);
      bad.firstChild.style.color = "#999";
      bad.lastChild.style.overflow = "visible";
      bad.lastChild.style.whiteSpace = "nowrap";
      bad.lastChild.style.overflowWrap = "normal";
    }""")
    found = " ".join(watched.page.evaluate(FAULTS))
    for fault in ("contrast", "no label", "no caption", "no scope", "no name", "an id twice"):
        assert fault in found
    assert "not one h1" in found
    assert "wider than the screen" in found


def test_a_page_is_small_and_soon_live(watched: Watched, served: Served):
    watched.log_in("victor")
    sizes: list[int] = []
    watched.page.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
    began = time.monotonic()
    watched.page.goto(f"{served.url}/")
    first = watched.page.locator('[data-word="time"]').text_content()
    watched.page.wait_for_function(
        "(first) => document.querySelector('[data-word=time]').textContent !== first", arg=first
    )
    assert time.monotonic() - began < 1e-3 * FIRST_LIVE_MS + 0.5  # Chromium's own start included
    assert sum(sizes) < MOST_BYTES
    assert len(sizes) <= 8


def test_a_script_in_a_name_is_text(watched: Watched, served: Served):
    watched.page.on("dialog", lambda dialog: watched.complaints.append(dialog.message))
    watched.log_in("olga")
    for path in ("/stations", HOSTILE_PATH, "/sessions"):
        watched.page.goto(served.url + path)
        watched.page.wait_for_selector("html[data-live]", state="attached")
        assert HOSTILE in (watched.page.text_content("main") or "")
    watched.page.goto(f"{served.url}/stations")
    watched.page.click(f"text={HOSTILE}")
    expect(watched.page.locator("h1")).to_have_text(HOSTILE)
    assert watched.complaints == []


def test_cells_of_a_station_change_as_it_does(watched: Watched, served: Served):
    watched.log_in("victor")
    watched.page.goto(f"{served.url}/stations")
    cell = watched.page.locator('tr[data-station="cp-06"] [data-cell="ordered"]')
    first = cell.text_content() or ""
    expect(cell).not_to_have_text(first, timeout=6000)
    offline = watched.page.locator('tr[data-station="cp-02"] .tone')
    expect(offline).to_contain_text("offline since")
    deviating = watched.page.locator('tr[data-station="cp-03"]')
    expect(deviating).to_contain_text("accepted, not applied")


def test_all_stations_of_a_page_are_ticked_at_once(watched: Watched, served: Served):
    watched.log_in("olga")
    watched.page.goto(f"{served.url}/stations")
    send = watched.page.locator("#send")
    expect(send).to_be_disabled()
    watched.page.check("#all")
    expect(send).to_have_text("Send to 20")
    watched.page.uncheck('input[value="cp-02"]')
    expect(send).to_have_text("Send to 19")
    send.click()
    expect(watched.page.locator(".sentence")).to_have_text("18 of 19 stations accepted.")


def test_the_keyboard_is_enough(watched: Watched, served: Served):
    page = watched.page
    page.goto(f"{served.url}/login")
    # The page gives the first field the focus after it has loaded: keys before that go nowhere.
    expect(page.locator("input[autofocus]")).to_be_focused()
    page.keyboard.type("olga")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Overview')")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")  # the chart
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".said")).to_contain_text("Metered")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_cut_connection_is_told_and_ends(chromium: Browser):
    fake, people = FakeService(8), FakeAccounts()
    first = start(fake, accounts=people)
    context = chromium.new_context(**MODES["light"])
    seen = Watched(context, first)
    seen.log_in("victor")
    stale = seen.page.locator("#stale")
    seen.page.wait_for_selector("html[data-live]", state="attached")
    assert stale.is_hidden()
    first.stop()
    expect(stale).to_be_visible(timeout=12_000)
    expect(stale).to_contain_text("The connection is cut. What you see is as of")
    expect(seen.page.locator("#live")).to_have_text("not live")
    second = start(fake, accounts=people, port=first.port)
    expect(stale).to_be_hidden(timeout=12_000)
    expect(seen.page.locator("#live")).to_have_text("live")
    people.tokens.clear()
    second.stop()
    third = start(fake, accounts=people, port=first.port)
    expect(stale).to_contain_text("You are logged out. Log in again", timeout=15_000)
    third.stop()
    context.close()


def test_a_driver_says_what_is_needed(chromium: Browser):
    fake = FakeService(8)
    with serving(fake) as own:
        context = chromium.new_context(**MODES["phone"])
        seen = Watched(context, own)
        seen.log_in("dora")
        page: Page = seen.page
        page.click("text=I need it now")
        expect(page.locator(".message.good")).to_have_text("Your car charges now.")
        assert fake.priority == {"tx-00000"}
        page.click("text=Charge by the plan again")
        assert fake.priority == set()
        page.fill("[name=percent]", "70")
        page.click("text=Save")
        expect(page.locator(".message.good")).to_contain_text("Your needs are saved")
        assert fake.needs["tx-00000"]["owed_kwh"] == 42.0
        page.click("text=Only charge this time")
        expect(page.locator("text=Take part again")).to_be_visible()
        page.fill("[name=departure]", "2020-01-01T08:00")
        page.click("text=Save")
        expect(page.locator(".message.bad")).to_contain_text("Choose a later time.")
        assert seen.complaints == [] or all("409" in one for one in seen.complaints)
        context.close()


def test_an_operator_takes_an_alarm(chromium: Browser):
    with serving(FakeService(8)) as own:
        context = chromium.new_context(**MODES["phone"])
        seen = Watched(context, own)
        seen.log_in("olga")
        seen.page.goto(f"{own.url}/alarms")
        seen.page.click('[aria-label="Acknowledge alarm 4"]')
        expect(seen.page.locator(".message.good")).to_have_text("The alarm is acknowledged.")
        seen.page.click('[aria-label="Shelve alarm 3"]')
        expect(seen.page.locator("text=shelved until")).to_be_visible()
        context.close()


def test_a_page_that_nobody_sees_listens_no_more(watched: Watched, served: Served):
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    stream = served.server.config.app.state.service.stream  # type: ignore[union-attr]
    page = watched.page
    page.clock.install()
    watched.log_in("victor")
    page.wait_for_selector("html[data-live]", state="attached")
    page.evaluate(hide, True)
    page.clock.fast_forward(31_000)
    for _ in range(100):
        if not stream.viewers:
            break
        page.wait_for_timeout(50)
    assert stream.viewers == 0
    with page.expect_navigation():
        page.evaluate(hide, False)
    page.wait_for_selector("html[data-live]", state="attached")
    assert stream.viewers == 1


def test_a_fleet_that_stands_still_is_live_nevertheless(chromium: Browser):
    fake = FakeService(8, VirtualClock(1_796_000_000.0))
    with serving(fake) as own:
        context = chromium.new_context(**MODES["light"])
        seen = Watched(context, own)
        seen.log_in("victor")
        seen.page.wait_for_timeout(7000)
        assert seen.page.locator("#stale").is_hidden()
        context.close()


def test_a_chart_takes_new_points(watched: Watched, served: Served):
    watched.log_in("victor")
    watched.page.goto(f"{served.url}/stations/cp-06")
    canvas = watched.page.locator("canvas")
    expect(canvas).to_have_attribute("data-drawn", re.compile(r"\d+"))
    first = int(canvas.get_attribute("data-drawn") or 0)
    expect(canvas).not_to_have_attribute("data-drawn", str(first), timeout=6000)
    assert int(canvas.get_attribute("data-drawn") or 0) > first
    expect(watched.page.locator(".legend output").first).to_contain_text("kW")


def test_a_list_is_read_again_by_itself(chromium: Browser):
    fake = FakeService(8)
    with serving(fake) as own:
        context = chromium.new_context(**MODES["light"])
        seen = Watched(context, own)
        seen.log_in("olga")
        seen.page.goto(f"{own.url}/alarms")
        seen.page.select_option('[aria-label="How long to shelve alarm 4"]', "480")
        began_s = fake.clock.now_s()
        fake.alarm_list.insert(0, Alarm(5, "disk_full", "store", HOSTILE, began_s))
        expect(seen.page.locator("text=disk full")).to_be_visible(timeout=8000)
        expect(seen.page.locator(".sentence")).to_have_text(
            "4 active alarms, not acknowledged yet."
        )
        assert HOSTILE in (seen.page.text_content("main") or "")
        button = seen.page.locator('[aria-label="Acknowledge alarm 3"]')
        button.focus()
        fake.alarm_list[0] = replace(fake.alarm_list[0], ended_s=began_s)
        expect(seen.page.locator(".sentence")).to_contain_text("3 active alarms", timeout=8000)
        expect(button).to_be_focused()
        assert seen.complaints == []
        context.close()
