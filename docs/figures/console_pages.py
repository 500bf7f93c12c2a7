"""Pictures of every view of the console, from a twin whose day is over.

From the root of the repository, with Chromium on the PATH; with the data folder (EVERGRID_DATA)
the day is a real one::

    python -m docs.figures.console_pages
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).with_name("console")
COMMAND = [Path(sys.executable).with_name("evergrid"), "twin", "--keep"]
DAY = ["--stations", "40", "--hours", "2.5", "--seed", "3"]
OVER, LONGEST_S = "The day is over", 900.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
WIDE, PHONE = {"width": 1360, "height": 860}, {"width": 375, "height": 812}
VIEWS = {
    "overview": "/",
    "stations": "/stations",
    "sessions": "/sessions",
    "signal": "/signal",
    "plan": "/plan",
    "alarms": "/alarms",
    "ledger": "/ledger",
    "audit": "/audit",
    "people": "/people",
    "settings": "/settings",
    "account": "/account",
}
MAIN = ("overview", "stations", "station", "signal", "plan", "driver")
SETTLED_MS = 1500.0


@contextmanager
def twin(folder: Path) -> Iterator[tuple[str, str]]:
    """A twin whose day is over: its console and the operator's password."""
    log = folder / "log.txt"
    with log.open("w") as said:
        process = subprocess.Popen([*COMMAND, *DAY], cwd=folder, stderr=said, stdout=said)
    try:
        until_s = time.monotonic() + LONGEST_S
        while OVER not in log.read_text():
            if process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(log.read_text())
            time.sleep(0.5)
        found = re.search(r"console +(\S+), log in as operator with (\S+)", log.read_text())
        assert found is not None, "the twin says where its console is"
        yield found[1], found[2]
    finally:
        process.terminate()
        process.wait(30)


def people(url: str, password: str) -> tuple[str, str]:
    """Let a viewer and a driver in; a station with a vehicle, and the driver's password."""
    with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as client:
        shown = {"person": "operator", "password": password}
        token = client.post("/login", json=shown).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.post("/people", json={"person": "victor", "role": "viewer"})
        session = client.get("/sessions").json()["lines"][0]
        new = {"person": "dora", "role": "driver", "driver": session["driver"]}
        return session["station"], client.post("/people", json=new).json()["password"]


def logged_in(browser: Browser, url: str, person: str, password: str, how: str) -> Page:
    """A page of somebody, light or dark, on a phone or not."""
    size = PHONE if "phone" in how else WIDE
    scheme = "dark" if "dark" in how else "light"
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # pyright: ignore[reportArgumentType]
    page.goto(f"{url}/login")
    if person == "operator" and how == "light":
        page.screenshot(path=FOLDER / "login-light.png")
    page.fill("[name=person]", person)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "login" not in address)
    return page


def main() -> None:
    """Make all pictures."""
    chromium = next(filter(None, map(shutil.which, BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, twin(Path(folder)) as (url, password):
        station, of_driver = people(url, password)
        views = VIEWS | {"station": f"/stations/{quote(station, safe='')}"}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
            for how in ("light", "dark", "phone"):
                page = logged_in(browser, url, "operator", password, how)
                for name, path in views.items():
                    if how == "light" or name in MAIN:
                        page.goto(url + path)
                        page.wait_for_timeout(SETTLED_MS)
                        page.screenshot(path=FOLDER / f"{name}-{how}.png")
                page = logged_in(browser, url, "dora", of_driver, how)
                page.wait_for_timeout(SETTLED_MS)
                page.screenshot(path=FOLDER / f"driver-{how}.png")
            browser.close()


if __name__ == "__main__":
    main()
