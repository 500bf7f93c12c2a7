"""``python -m evergrid`` is the command ``evergrid``."""

from evergrid.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
