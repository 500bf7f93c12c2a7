"""The files that pages load: styles, scripts and the house colours."""

import hashlib
from importlib import resources

from fastapi import APIRouter
from fastapi.responses import Response

from evergrid.live.api.problem import RefusedError
from evergrid.report import theme

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"  # another content has another name
MARKS = {
    "blue": theme.BLUE,
    "orange": theme.ORANGE,
    "grey": theme.GREY,
    "plum": theme.PLUM,
    "green": theme.GREEN,
    "red": theme.RED,
}
# Text has a contrast of at least 4.5 : 1 on its ground, which the colours of marks have not.
TONES = {
    "light": {"good": "#0C6B52", "bad": "#B3261E", "on-accent": "#FFFFFF"},
    "dark": {"good": "#63D0AE", "bad": "#FF9C94", "on-accent": "#0F1419"},
}


def _scheme(name: theme.SchemeName) -> str:
    scheme = theme.SCHEMES[name]
    own = {
        "ground": scheme.ground,
        "surface": scheme.surface,
        "ink": scheme.ink,
        "faint-ink": scheme.faint_ink,
        "line": scheme.line,
        "strong-line": scheme.strong_line,
        "accent": scheme.accent,
        "warning-ground": scheme.warning_ground,
        "warning-ink": scheme.warning_ink,
    }
    return " ".join(f"--{key}: {value};" for key, value in (own | TONES[name]).items())


def theme_css() -> str:
    """The house colours as variables."""
    marks = " ".join(f"--{key}: {value};" for key, value in MARKS.items())
    return (
        f":root {{ color-scheme: light dark; --font: {theme.FONT}; {marks} {_scheme('light')} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_scheme('dark')} }} }}\n"
    )


def _read() -> dict[str, bytes]:
    folder = resources.files("evergrid.console").joinpath("static")
    found = {item.name: item.read_bytes() for item in folder.iterdir()}
    return found | {"theme.css": theme_css().encode()}


FILES = _read()
VERSION = hashlib.sha256(b"".join(FILES[name] for name in sorted(FILES))).hexdigest()[:12]

router = APIRouter(include_in_schema=False)


@router.get("/static/{version}/{name}")
async def asset(version: str, name: str) -> Response:
    """A file, which a browser keeps."""
    if version != VERSION or name not in FILES:
        raise RefusedError(404, "There is no such file.")
    kind = TYPES[name.rpartition(".")[2]]
    return Response(FILES[name], media_type=kind, headers={"Cache-Control": FOREVER})
