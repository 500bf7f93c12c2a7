"""The commands of a feeder's files, each judged before OpenDSS sees it.

Files are read here and not by OpenDSS: what a file redirects to is put in its place, abbreviations
are written out, and names of files become paths within the feeder's folder. What prints or writes
is left out and counted; what is not known to be harmless is refused, with its file and line.
"""

import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.files import given_file
from evergrid.grid.feeder.reader import vocabulary as words
from evergrid.grid.feeder.reader.tokens import CLOSING, Parameter, parameters
from evergrid.grid.feeder.reader.vocabulary import Fate

MOST_BYTES = 64 * given_file.MB  # of all files with commands together; the largest public feeders
DEEPEST = 20  # files that redirect to one another
CIRCUIT = "vsource"  # whose properties New Circuit takes
LINE_END = re.compile(r"\r\n|\r|\n")
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LEFT_BEHIND = "\x00\x1a"  # by old editors, at ends of lines and of files
VARIABLE = re.compile(r"(?:^|[\s,=|(\"'\[{.])@")
IN_ARRAY = ("file", "dblfile", "sngfile")  # names with which an array is taken from a file
COMMANDS = "feeder.commands"  # how messages call commands of a configuration
NOT_IN_COMMANDS = ("Redirect", "Compile", "Clear", "ClearAll", "CD", "Solve")
ACTIVATING = ("type", "element", "class", "object", "circuit", "Bus", "Terminal")  # options
SHOWN = 40  # characters of a name in a message


@dataclass(frozen=True, slots=True)
class Command:
    """A command for OpenDSS, and where it was found.

    Attributes:
        text: What OpenDSS is given.
        file: The file it stands in, without its folder.
        line: Line of the file, from 1.
    """

    text: str
    file: str
    line: int


@dataclass(frozen=True)
class Script:
    """What OpenDSS is given to read a feeder.

    Attributes:
        commands: From the files, in order.
        further: From the configuration.
        left_out: How often each verb, option or property was left out that changes no circuit.
        places: Coordinates of buses whose names have letters beyond ASCII.
    """

    commands: tuple[Command, ...]
    further: tuple[Command, ...]
    left_out: Counter[str]
    places: dict[str, tuple[float, float]]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, in a sentence, where there is anything."""
        if not self.left_out:
            return ()
        named = [f"{word} ({n} times)" if n > 1 else word for word, n in self.left_out.items()]
        return (f"Left out of the files, as it prints or writes only: {', '.join(named)}.",)


def script(master: Path, further: Sequence[str] = ()) -> Script:
    """The commands of a feeder's files and of a configuration, judged.

    Args:
        master: The feeder's master file; its folder is the feeder's.
        further: Commands that follow those of the files; they edit the circuit only.

    Raises:
        MissingFileError: There is no such file.
        InputError: A file is too long or no text, or a command is not allowed; the fault names
            file and line.
    """
    given_file.size_bytes(master, way_out="Name the feeder's master .dss file.")
    reading = _Reading(master, master.resolve())
    found = tuple(reading.of_file(reading.master))
    reading.file, reading.line, reading.folder = COMMANDS, 0, reading.home
    more = []
    for reading.line, text in enumerate(further, 1):
        if CONTROLS.search(text) or LINE_END.search(text):
            reading.refuse("be one line of text without control characters")
        more += reading.of_line(_plain_case(text))
    return Script(found, tuple(more), reading.left_out, reading.places)


def readable(folder: Path) -> list[Path]:
    """What the files of a feeder may read: its folder, and files above that one here stands for.

    Collections keep their line codes in the folder above, and in that of each feeder a file of
    the same name that redirects there.
    """
    above = [folder.parent / path.name for path in folder.iterdir() if _is_dss(path)]
    return [folder, *(path for path in above if path.resolve() == path and path.is_file())]


@dataclass
class _Reading:
    """Where reading stands: file, line, folder that names start from, and class that is edited."""

    named: Path
    master: Path
    left_out: Counter[str] = field(default_factory=Counter)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    kind: str = ""
    file: str = ""
    line: int = 0
    bytes: int = 0
    open: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.folder = self.master.parent

    def refuse(self, rule: str, got: str = "", fix: str = "") -> NoReturn:
        """Raise a fault at the line that is being read."""
        shown = f"{got[:SHOWN]}\u2026" if len(got) > SHOWN else got
        place = f" ({self.file}, line {self.line})" if self.line else ""
        fault = Fault("file", rule + place, (shown,) if got else (), fix=fix)
        raise InputError(given_file.name(self.named), [fault])

    # Files

    def of_file(self, path: Path) -> Iterator[Command]:
        """Commands of a file and of those that it redirects to."""
        if path in self.open:
            self.refuse("not redirect to a file that is being read", path.name)
        if len(self.open) >= DEEPEST:
            self.refuse(f"redirect to at most {DEEPEST} files within one another")
        text = self._text(path)
        lines, controls = LINE_END.split(text), CONTROLS.search(text) is not None
        self.open.append(path)
        outside, self.file = (self.file, self.line), self._called(path)
        comment = False
        for self.line, line in enumerate(lines, 1):
            if controls and CONTROLS.search(line := line.rstrip(LEFT_BEHIND)):
                fix = "Name the feeder's master .dss file."
                self.refuse("be text, without control characters", fix=fix)
            comment = comment or line.startswith("/*")
            if not comment:
                yield from self.of_line(line)
            elif "*/" in line:
                comment = False
        self.file, self.line = outside
        self.open.pop()

    def _called(self, path: Path) -> str:
        return Path(given_file.name(self.named)).name if path == self.master else path.name

    def _text(self, path: Path) -> str:
        """Text of a file; what is no UTF-8 is Latin-1, as Windows programs write it."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES - self.bytes + 1)
        except OSError as error:
            self.refuse(f"be readable: {(error.strerror or '').lower()}", path.name)
        self.bytes += len(content)
        if self.bytes > MOST_BYTES:
            rule = f"hold commands of at most {MOST_BYTES / given_file.MB:g} MB in all files"
            self.refuse(rule, "more", "Name the feeder's master .dss file.")
        return _plain_case(given_file.decoded(content))

    def inside(self, given: str, *, folder: bool = False, extension: str = "") -> Path:
        """The file that a name means, which must lie in the feeder's folder, links followed.

        With an extension, which it may lack, it is one of commands.
        """
        try:
            path = (self.folder / given.replace("\\", "/")).resolve()
            if extension and not path.exists() and "." not in given:
                path = path.with_name(path.name + extension)
            shared = bool(extension) and self._stands_for(path)
            within = path.is_relative_to(self.home) or shared
            mode = path.stat().st_mode if within else 0
        except (OSError, ValueError, RuntimeError):  # too long, a loop of links, a zero byte
            path, within, mode = self.home, True, 0
        if not within:
            fix = "Copy the file there, or name a master file in the folder above."
            self.refuse("name files inside the feeder's own folder", given, fix)
        what, fits = ("folder", stat.S_ISDIR) if folder else ("file", stat.S_ISREG)
        if not fits(mode):
            self.refuse(f"name a {what} that is there", given)
        return path

    def _stands_for(self, path: Path) -> bool:
        """Whether the file that is read redirects to one of its name above the feeder's folder."""
        here = self.open[-1] if self.open else self.master
        return here.parent == self.home and path == self.home.parent / here.name and _is_dss(path)

    # Lines

    def of_line(self, line: str) -> Iterator[Command]:
        """Commands that a line becomes: one, none, or those of the file it redirects to."""
        found = parameters(line)
        if not found or not found[0].value:
            return
        if VARIABLE.search(line) and any(map(_has_variable, found)):
            fix = "Write the value in its place."
            self.refuse("hold no variables of OpenDSS", "@", fix)
        first, rest = found[0], found[1:]
        if first.name:
            yield from self._assigned(first, rest)
            return
        place = words.places(words.VERBS).get(first.value.lower())
        if place is None:
            self.refuse("be a feeder that OpenDSS accepts: Unknown command")
        verb = words.VERBS[place]
        fate = words.VERB_FATE[verb]
        if fate is Fate.REFUSE or (self.file == COMMANDS and verb in NOT_IN_COMMANDS):
            self.refuse("hold no commands but those that make and solve a circuit", verb)
        if fate is Fate.SKIP:
            self.left_out[verb] += 1
        elif fate is Fate.FILE:
            yield from self._file(verb, rest)
        elif fate is Fate.FOLDER:
            self.folder = self.inside(rest[0].value if rest else "", folder=True)
        elif fate is Fate.OPTIONS:
            yield from self._options(verb, rest)
        elif fate is Fate.EDIT:
            yield from self._edit(verb, rest)
        else:
            named = rest[0].value.partition(".")[0].lower() if rest and verb == "Select" else ""
            self.kind = named if named in words.properties() else ""
            yield self._command(verb, *map(_written, rest))

    def _command(self, *parts: str) -> Command:
        return Command(" ".join(parts), self.file, self.line)

    def _file(self, verb: str, rest: list[Parameter]) -> Iterator[Command]:
        given = rest[0].value if rest else ""
        if verb not in ("Redirect", "Compile"):
            self._note_places(self.inside(given), latitude_first=verb == "LatLongCoords")
            yield self._command(verb, self._path(given))
            return
        path, before = self.inside(given, extension=".dss"), self.folder
        self.folder = path.parent
        yield from self.of_file(path)
        if verb == "Redirect":
            self.folder = before

    def _note_places(self, path: Path, *, latitude_first: bool) -> None:
        """Places of buses with letters beyond ASCII, which OpenDSS finds in UTF-8 only."""
        for line in LINE_END.split(self._text(path)):
            cells = [] if line.isascii() else [each.value for each in parameters(line)]
            if len(cells) < 3:
                continue
            try:
                x, y = (float(cell) for cell in cells[1:3])
            except ValueError:
                continue
            self.places[cells[0]] = (y, x) if latitude_first else (x, y)

    def _path(self, given: str) -> str:
        """A file within the folder, with a path that does not depend on where OpenDSS stands."""
        return self._marked(str(self.inside(given)))

    def _marked(self, text: str, marks: str = "\"'[({") -> str:
        fit = [opening for opening in marks if CLOSING[opening] not in text]
        if not fit:
            self.refuse("name files without quotation marks and brackets of every kind", text)
        return f"{fit[0]}{text}{CLOSING[fit[0]]}"

    def _options(self, verb: str, rest: list[Parameter]) -> Iterator[Command]:
        kept = []
        for given in rest:
            if not (given.name or given.value):
                break  # where OpenDSS ends, too
            place = words.places(words.OPTIONS).get(given.name.lower())
            if place is None:
                fix = "Write each as name=value."
                self.refuse("set options that OpenDSS has", given.name or given.value, fix)
            if not given.value:
                break
            option = words.OPTIONS[place]
            fate = words.OPTION_FATE[option]
            mode = option == "mode" and given.value.strip()[:1].lower() == words.WRITING_MODE
            array = fate is Fate.KEEP and self._array_file(given.value)
            if fate is Fate.REFUSE or mode or array:
                self.refuse("set no options but those of a circuit and its solution", option)
            if fate is Fate.FOLDER:
                self.folder = self.inside(given.value, folder=True)
            elif fate is Fate.SKIP:
                self.left_out[f"{verb} {option}"] += 1
            else:
                kept.append(f"{option}={given.quoted}")
                self.kind = "" if option in ACTIVATING else self.kind
        self.kind = "" if verb == "Solve" else self.kind
        if kept or verb == "Solve":
            yield self._command(verb, *kept)

    def _edit(self, verb: str, rest: list[Parameter]) -> Iterator[Command]:
        """New, Edit and BatchEdit name their element first; the others go on with the last."""
        if verb in ("More", "M", "~"):
            if not self.kind:
                fix = "Begin it with Edit and the element."
                self.refuse("follow a line that names the element", verb, fix)
            yield self._command("~", *self._properties(self.kind, rest))
            return
        named = rest[0] if rest else Parameter("", "", "")
        kind, dot, element = named.value.partition(".")
        kind = kind.lower()
        if not (dot and element) or not "object".startswith(named.name.lower() or "o"):
            fix = "Write it as New Line.name, its class first."
            self.refuse("name an element by class and name", named.value, fix)
        if kind == "circuit":
            if verb != "New":
                return  # OpenDSS does nothing then
            if self.file == COMMANDS:
                self.refuse("make no circuit of its own", named.value)
            self.kind = CIRCUIT
        elif kind in words.properties():
            self.kind = kind
        else:
            self.refuse("use classes of elements that OpenDSS has", kind)
        yield self._command(verb, named.quoted, *self._properties(self.kind, rest[1:]))

    def _assigned(self, first: Parameter, rest: list[Parameter]) -> Iterator[Command]:
        """``Line.name.length=2 units=km``, or ``length=2`` for what was edited last."""
        *element, name = first.name.split(".", 2)
        if element and len(element) < 2:
            element.insert(0, self.kind)
        self.kind = element[0].lower() if element else self.kind
        if self.kind not in words.properties():
            fix = "Write it as Class.name.property=value."
            self.refuse("name an element whose class is known", first.name, fix)
        parts = list(self._properties(self.kind, [Parameter(name, *first[1:]), *rest]))
        if element:  # one that is not there is a fault of Select, and none of Edit
            yield self._command("Select", self._marked(".".join(element)))
        if parts:
            yield self._command("~", *parts)

    def _properties(self, kind: str, given: list[Parameter]) -> Iterator[str]:
        """Properties of a class as OpenDSS is given them: names written out, paths whole."""
        names, places = words.properties()[kind], words.places_of_kind(kind)
        place: int | None = -1
        for each in given:
            if not each.value:
                return  # where OpenDSS ends, too
            place = places.get(each.name.lower()) if each.name else place + 1
            if place is None or place >= len(names):
                got = (each.name or each.value)[:SHOWN]
                rule = f'be a feeder that OpenDSS accepts: Unknown parameter "{got}" of a {kind}'
                self.refuse(rule, fix="Mend or take out this word of the line.")
            name = names[place]
            fate = words.property_fate(kind, name.lower(), each.value)
            if fate is Fate.REFUSE:
                fix = "Native code and its data are never loaded."
                self.refuse("use no models but those of OpenDSS itself", f"{kind}.{name}", fix)
            if fate is Fate.SKIP:
                self.left_out[f"{kind}.{name}"] += 1
            elif fate is Fate.FILE:
                yield f"{name}={self._path(each.value)}"
            else:
                yield f"{name}={self._array_file(each.value) or each.quoted}"

    def _array_file(self, value: str) -> str:
        """An array that is taken from a file, with the file's whole path; empty for any other."""
        if "=" not in value:
            return ""
        inner = parameters(value)
        name = inner[0].name.lower() if inner else ""
        if name in IN_ARRAY:
            path = f"{name}={self._path(inner[0].value)}"
            return self._marked(" ".join([path, *map(_written, inner[1:])]), "[({")
        near = [word for word in IN_ARRAY if word.startswith(name) or name.startswith(word)]
        if name and near:  # OpenDSS compares as many letters as the shorter has
            self.refuse("write out what an array is taken from", name, f"Write {near[0]}=.")
        return ""


def _is_dss(path: Path) -> bool:
    return path.suffix.lower() == ".dss"


def _plain_case(text: str) -> str:
    """Letters beyond ASCII in lower case: OpenDSS tells apart what it should not there."""
    if text.isascii():
        return text
    return "".join(char if char.isascii() else char.lower() for char in text)


def _has_variable(given: Parameter) -> bool:
    return given.name.startswith("@") or VARIABLE.search(given.value) is not None


def _written(given: Parameter) -> str:
    return f"{given.name}={given.quoted}" if given.name else given.quoted
