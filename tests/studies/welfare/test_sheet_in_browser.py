"""Whether the policy sheet, as a browser prints it, is one page."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evergrid.core.config import parse
from evergrid.studies import welfare
from tests.report.test_page_in_browser import BROWSERS, QUIET
from tests.studies.welfare_cases import configuration


@pytest.mark.browser
@pytest.mark.parametrize("baseline", ["smart", "uncontrolled"])
def test_the_policy_sheet_prints_on_one_page(tmp_path: Path, baseline: str) -> None:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("EVERGRID_REQUIRE_BROWSER") == "1":
            pytest.fail("no headless browser on the PATH; `make services` installs one")
        pytest.skip("no headless browser on the PATH")
    given = configuration(vehicles={"baseline": baseline}, title="V2G in a system with a long name")
    sheet, printed = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    text = welfare.run(parse(welfare.Config, given)).files["policy_sheet.html"]
    assert isinstance(text, str)
    sheet.write_text(text, encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    call = [found, *QUIET, profile, "--no-pdf-header-footer", f"--print-to-pdf={printed}"]
    subprocess.run([*call, sheet.as_uri()], capture_output=True, timeout=120, check=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed.read_bytes())) == 1
