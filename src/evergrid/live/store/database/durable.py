"""Wait until a file, or the entry of a file in its folder, is on the disk."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk; Windows writes folders by itself.

    Raises:
        OSError: The disk fails.
    """
    folder = path.is_dir()
    if folder and os.name == "nt":
        return
    number = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
