"""A load on a central system in a process of its own, as benchmarks measure it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]


def figures(what: str, **options: float) -> dict[str, Any]:
    """What `benchmarks.live_load` measured; options are those of its command."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    call = [sys.executable, "-m", "benchmarks.live_load", what, "--json", *words]
    ended = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)
