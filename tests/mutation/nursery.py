"""A process that has loaded what all tests need, and runs each pytest in a copy of itself.

Loading takes longer than most tests. Nothing of Evergrid is loaded here, so that every run reads it
anew. Requests come as lines of JSON, and so do answers: the exit code of a run, None when out of
time, and the processor time it took. That is what is limited: a busy machine makes others longer.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import time
import warnings
from typing import Any

LOADED = ("pytest", "hypothesis.strategies", "jaxtyping", "beartype", "polars", "pydantic", "scipy")
LOOK_S = 0.05  # between looks at a run
WAITING = 20  # times its limit that a run may take by the clock, as when it waits for itself


def main() -> None:
    """Answer requests until there are no more."""
    warnings.filterwarnings("ignore", message=r"os\.fork\(\) was called")
    for name in LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _answer(request: dict[str, Any]) -> tuple[int | None, float]:
    child = os.fork()
    if child == 0:
        _run(request)
    stop = time.monotonic() + WAITING * request["limit_s"]
    while time.monotonic() < stop:
        ended, status, used = os.wait4(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return (None if code == -signal.SIGXCPU else code), used.ru_utime + used.ru_stime
        time.sleep(LOOK_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, 0.0


def _run(request: dict[str, Any]) -> None:
    """One run of pytest, in the copy of this process, which ends with it."""
    os.setsid()  # so that what it starts can be ended with it
    resource.setrlimit(resource.RLIMIT_CPU, (request["limit_s"], request["limit_s"] + 5))
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, file in enumerate((nothing, output, output)):
        os.dup2(file, place)
    os.environ.update(request["environment"])
    sys.dont_write_bytecode = not request["keep"]
    os.environ["PYTHONDONTWRITEBYTECODE"] = "" if request["keep"] else "1"
    code = 1
    try:
        code = int(importlib.import_module("pytest").main(request["arguments"]))
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
