"""Takes from this process, for good, what it does not need: files, network, programs, memory, time.

Each barrier is of the system; what a system has not is told to the caller. Linux has all of them
from version 5.13, other Unix systems have limits of memory and time only, Windows has none.

Source:
    Linux manual: landlock(7), seccomp(2), prctl(2), setrlimit(2); numbers of system calls from
    its headers asm/unistd_64.h (x86_64) and asm-generic/unistd.h (arm64).
"""

import ctypes
import os
import platform
import signal
import struct
import sys
import sysconfig
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

resource: Any = None if sys.platform == "win32" else import_module("resource")

MEMORY_GB = 4.0  # beyond what is in use; a feeder of 8,500 nodes needs 0.3
SCRATCH_BYTES = 64_000_000  # of a file in the scratch folder
OPEN_FILES = 64

FILES = "a barrier around files (Landlock)"
NETWORK = "a barrier before network and programs (seccomp)"
LIMITS = "limits of memory and processor time"

# System calls by the numbers of x86_64 and of arm64.
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same on both
# Network, new programs and processes, other processes, and ways around file barriers.
DENIED = {
    "x86_64": "41 42 43 44 46 49 50 53 56 57 58 59 62 101 129 165 166 200 272 288 297 299 304 307 "
    "308 310 311 321 322 323 424 425 426 427 434 435 438 440 448",
    "aarch64": "39 40 97 117 129 130 138 198 199 200 201 202 203 206 211 220 221 240 242 243 265 "
    "268 269 270 271 280 281 282 424 425 426 427 434 435 438 440 448",
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FOREIGN_CALLS = 0x40000000  # x86_64: the same calls by other numbers

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_FILTER = 2
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # the second: error EPERM

READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
# Rights over files that each version of Landlock knows, and over the network from the fourth on.
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
NETWORK_RIGHTS = 0b11
SCOPES = 0b11  # from the sixth version: signals and abstract sockets stay within
PATH_BENEATH = 1


def enter(readable: Sequence[Path], scratch: Path, *, limit_s: float) -> tuple[str, ...]:
    """Keep this process to what it may read, one folder to write, and limits, for good.

    Args:
        readable: Files and folders that may be read, beside Python's own libraries.
        scratch: The folder that may be read and written.
        limit_s: Processor time, seconds.

    Returns:
        The barriers that this system has not, as a sentence names them.
    """
    barriers = {
        LIMITS: _limit(limit_s),
        FILES: _keep_files([*readable, *_libraries()], scratch),
        NETWORK: _keep_calls(),
    }
    return tuple(name for name, holds in barriers.items() if not holds)


def _limit(limit_s: float) -> bool:
    if resource is None:
        return False
    seconds = int(limit_s) + 1
    limits = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_FSIZE: (SCRATCH_BYTES,) * 2,
        resource.RLIMIT_NOFILE: (OPEN_FILES,) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    statm = Path("/proc/self/statm")
    used = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
    limits[resource.RLIMIT_AS] = (used + int(MEMORY_GB * 1e9),) * 2
    held = True
    for kind, value in limits.items():
        try:
            resource.setrlimit(kind, value)
        except (ValueError, OSError):  # macOS has no limit of address space
            held = False
    return held


def _libraries() -> list[Path]:
    """Where Python looks for what is imported late, such as parts of SciPy."""
    paths = sysconfig.get_paths()
    named = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return [path for path in (*map(Path, named), Path(__file__).parents[3]) if path.is_dir()]


def _keep_files(readable: Sequence[Path], scratch: Path) -> bool:
    """Landlock: nothing is opened but these files, and what lies below these folders."""
    library = _linux()
    if library is None:
        return False
    version = library.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    every = FILE_RIGHTS[max(known for known in FILE_RIGHTS if known <= version)]
    handled = struct.pack(
        "=QQQ", every, NETWORK_RIGHTS if version >= 4 else 0, SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = library.syscall(LANDLOCK_CREATE, handled, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    held = True
    rules = [(path, READ_FILE | READ_FOLDER if path.is_dir() else READ_FILE) for path in readable]
    for place, rights in (*rules, (scratch, every)):
        at = os.open(place, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, at)
        held &= library.syscall(LANDLOCK_ADD, ruleset, PATH_BENEATH, rule, 0) == 0
        os.close(at)
    held &= library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    held &= library.syscall(LANDLOCK_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return held


def _keep_calls() -> bool:
    """Seccomp: the system refuses calls for network, other programs and other processes."""
    library, machine = _linux(), platform.machine()
    if library is None or machine not in DENIED or sys.maxsize < 2**32:
        return False
    denied = [int(number) for number in DENIED[machine].split()]
    steps = [
        (LOAD, 0, 0, 4),
        (JUMP_EQUAL, 1, 0, ARCHITECTURE[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),
        (JUMP_AT_LEAST, len(denied) + 1, 0, FOREIGN_CALLS),
        *((JUMP_EQUAL, len(denied) - i, 0, number) for i, number in enumerate(denied)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    held = library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    return held and library.prctl(PR_SET_SECCOMP, SECCOMP_FILTER, program, 0, 0) == 0


def end_with_parent() -> None:
    """Let this process end when the one that forked it does, where the system can."""
    if (library := _linux()) is not None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _linux() -> Any:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
