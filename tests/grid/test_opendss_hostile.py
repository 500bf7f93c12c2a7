"""Every verb, option and property of OpenDSS, given what could harm, does no harm."""

import json
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from dss import DSS

from evergrid.core.errors import EvergridError, InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.load_law import FADED
from evergrid.grid.feeder.reader import command_check, vocabulary
from evergrid.grid.feeder.reader.tokens import parameters
from evergrid.grid.feeder.reader.vocabulary import Fate
from tests.everyday import one_in
from tests.grid.cases import STREET

SECRET = "1\n2\n3\nNew Load.secret bus1=c.1 phases=1 kv=0.23 kw=1\n"
FILES = ("csvfile", "sngfile", "dblfile", "pqcsvfile")
NATIVE = ("usermodel", "userdata", "shaftmodel", "shaftdata", "dynadll", "dynadata")
LAST = ("Quit", "Clear", "ClearAll")  # after which there is nothing to solve


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A feeder's folder, beside a file that it has no business with."""
    (tmp_path / "feeder").mkdir()
    (tmp_path / "secret.csv").write_text(SECRET)
    shutil.copy(tmp_path / "secret.csv", tmp_path / "secret.dss")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outcome(place: Path, lines: str, commands: Iterable[str] = ()) -> str:
    """What the reader says of a feeder with these lines: nothing, or its error."""
    path = place / "feeder" / "street.dss"
    path.write_text(STREET.format(more="") + lines + "\n")
    try:
        feeder = opendss.read(path, commands=tuple(commands))
    except EvergridError as error:
        return str(error)
    assert "secret" not in feeder.branches.name
    return ""


def tree(place: Path) -> dict[str, bytes]:
    """Every file below, with what it holds."""
    own = (place / "feeder" / "street.dss", place / "feeder" / "one.dss")  # the test's
    files = (path for path in place.rglob("*") if path.is_file() and path not in own)
    return {str(path): path.read_bytes() for path in files}


@cache
def schema() -> dict[str, list[dict]]:
    """Properties of each class, as the engine describes them."""
    api = DSS._api_util
    text = api.ffi.string(api.lib.DSS_ExtractSchema(api.ctx, 0)).decode()
    return {kind["name"].lower(): kind["properties"] for kind in json.loads(text)["classes"]}


def test_the_lists_are_those_of_the_engine():
    engine = DSS.Executive
    assert [engine.Command(i + 1) for i in range(engine.NumCommands)] == list(vocabulary.VERBS)
    assert [engine.Option(i + 1) for i in range(engine.NumOptions)] == list(vocabulary.OPTIONS)
    theirs = {
        kind: tuple(each["name"] for each in sorted(listed, key=lambda each: each["index"]))
        for kind, listed in schema().items()
    }
    assert vocabulary.properties() == theirs


def test_what_names_a_file_or_a_library_is_known_by_the_engines_own_schema():
    flagged = {
        (kind, each["name"].lower())
        for kind, listed in schema().items()
        for each in listed
        if "IsFilename" in each["flags"]
    }
    assert len(flagged) > 20
    judged = {pair: vocabulary.property_fate(*pair, "x") for pair in flagged}
    assert set(judged.values()) == {Fate.FILE, Fate.REFUSE}
    assert {name for _, name in flagged} <= {*FILES, *NATIVE}


@pytest.mark.slow
@pytest.mark.parametrize("verb", one_in(8, vocabulary.VERBS))
def test_a_verb_reads_and_writes_nothing_outside(place: Path, verb: str):
    before = tree(place)
    for line in (verb, f"{verb} ../secret.csv", f'{verb} file="{place}/new.txt" circuit'):
        said = outcome(place, line)
        fate = vocabulary.VERB_FATE[verb]
        if fate is Fate.SKIP:
            assert said == "", line
        if fate is Fate.REFUSE:
            assert f"got {verb}" in said, line
    assert tree(place) == before


@pytest.mark.slow
@pytest.mark.parametrize("option", one_in(8, vocabulary.OPTIONS))
def test_an_option_reads_and_writes_nothing_outside(place: Path, option: str):
    before = tree(place)
    for value in ("yes", "../secret.csv", f"(file={place}/secret.csv)", f'"{place}/new"'):
        said = outcome(place, f"Set {option}={value}\nSolve")
        fate = vocabulary.OPTION_FATE[option]
        if fate is Fate.SKIP:
            assert said == ""
        if fate is Fate.REFUSE:
            assert f"got {option}" in said
        if fate is Fate.KEEP and "secret" in value and "(" in value:
            assert "inside the feeder's own folder" in said
    assert tree(place) == before


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind, names in vocabulary.properties().items()
        for name in names
        if name.lower() in (*FILES, *NATIVE)
    ],
)
def test_a_property_that_names_a_file_or_library_stays_inside(place: Path, kind: str, name: str):
    before = tree(place)
    names = vocabulary.properties()[kind]
    short = next(
        name[:n]
        for n in range(1, len(name) + 1)
        if names[vocabulary.places_of_kind(kind)[name[:n].lower()]] == name
    )
    position = ["1"] * names.index(name)
    for line in (
        f"New {kind}.x {name}=../secret.csv",
        f"New {kind}.x {short.upper()} = {place}/secret.csv",
        f"New {kind}.x\n~ {name}=[../secret.csv]",
        f"New {kind}.x\n{kind}.x.{name}={{../secret.csv}}",
        f"New {kind}.x {' '.join(position)} ../secret.csv",
    ):
        said = outcome(place, line)
        if name.lower() in NATIVE:
            assert "no models but" in said, line
        else:  # an earlier one of the positions may name a file, too
            assert "inside the feeder's own folder" in said or "got 1" in said, line
    assert tree(place) == before


@pytest.mark.parametrize("kind", one_in(5, tuple(vocabulary.properties())))
def test_no_other_property_takes_an_array_from_outside(place: Path, kind: str):
    before = tree(place)
    for name in vocabulary.properties()[kind]:
        if name.lower() in (*FILES, *NATIVE, "debugtrace", "memorymapping", "action"):
            continue
        for value in (f"(file={place}/secret.csv)", "[ dblfile = ../secret.csv]", '"SNG=../x"'):
            with pytest.raises(InputError, match=r"own folder|write out"):
                list(judged(place, f"New {kind}.x {name}={value}"))
    assert tree(place) == before


def judged(place: Path, line: str, folder: str = "feeder") -> list[str]:
    """A line as OpenDSS is given it."""
    path = place / folder / "one.dss"
    path.write_text(line + "\n")
    return [command.text for command in command_check.script(path).commands]


@pytest.mark.parametrize(
    "line",
    [
        "New Load.a bus1=c.1 phases=1 kv=0.23 kw=1 ! usermodel=x",
        "Load.a.kw=(5) usermo=x",
        'Load.a.kw=(5" usermodel=x ")',
        "New Generator.a 'usermodel'=x",
        'New Generator.a "user" = x',
        "New PVSystem.a like=b, UserM,x",
        "/* usermodel */ New Load.a usermodel=x",
        "var @a=usermodel",
        "New Generator.a @a=x",
        "New LoadShape.a mult=(@lastfile)",
        "New LoadShape.a mult=(file=@result)",
        "New LoadShape.a mult=(f=../secret.csv) csvf=../secret.csv",
        "Set mode=auto",
        "Set mode=(AutoAdd)",
        "Solve mode=a",
        "dos ls",
        "redir ../secret.dss",
        "comp (../secret.dss)",
        "busc '../secret.csv'",
        "cd ..",
        "Set datap=/",
        "New Solution.x",
    ],
)
def test_ways_around_are_closed(place: Path, line: str):
    before = tree(place)
    said = outcome(place, line)
    harmless = "!" in line or line.startswith("/*")
    assert (said == "") is harmless, said
    assert {k: v for k, v in tree(place).items() if k in before} == before


def test_links_that_lead_out_are_not_followed(place: Path):
    for name in ("link.csv", "link.dss"):
        (place / "feeder" / name).symlink_to(place / f"secret{name[4:]}")
    (place / "feeder" / "out").symlink_to(place)
    for line in ("Redirect link.dss", "New LoadShape.a npts=3 csvfile=link.csv", "cd out"):
        assert "inside the feeder's own folder" in outcome(place, line)


def test_files_inside_are_read_from_where_the_files_stand(place: Path):
    sub = place / "feeder" / "a b"
    sub.mkdir()
    (sub / "s (1).csv").write_text("1\n2\n3\n")
    (sub / "more.dss").write_text('New LoadShape.s npts=3 interval=8 csvfile="s (1).csv"\n')
    lines = [
        'Redirect "a b/more"',
        "cd 'a b'",
        'New LoadShape.t npts=3 interval=8 mult=[file="s (1).csv", col=1, header=no]',
        "New Load.shaped bus1=c.1 phases=1 kv=0.23 kw=1 daily=s",
        "New Load.other bus1=c.1 phases=1 kv=0.23 kw=1 daily=t",
    ]
    assert outcome(place, "\n".join(lines)) == ""
    engine = opendss.opened(place / "feeder" / "street.dss")
    for name in "st":
        engine.ActiveCircuit.LoadShapes.Name = name
        assert list(engine.ActiveCircuit.LoadShapes.Pmult) == [1.0, 2.0, 3.0]


def test_a_file_may_stand_for_one_of_its_name_above(place: Path):
    (place / "codes.dss").write_text("New LineCode.shared nphases=3 r1=1\n")
    (place / "feeder" / "codes.dss").write_text("redirect ../codes.dss\n")
    assert outcome(place, "Redirect codes.dss") == ""
    assert "inside the feeder's own folder" in outcome(place, "Redirect ../codes.dss")


def test_what_only_prints_is_left_out_and_told(place: Path):
    path = place / "feeder" / "street.dss"
    lines = "Show voltages\nPlot circuit\nsho powers\nSet demandinterval=yes"
    path.write_text(STREET.format(more="") + lines)
    (note,) = opendss.read(path).notes
    assert note.endswith("Show (2 times), Plot, Set DemandInterval.")


@pytest.mark.parametrize(
    "command",
    ["Redirect x.dss", "Compile x.dss", "Clear", "cd .", "New Circuit.x", "export voltages\nclear"],
)
def test_commands_of_a_configuration_edit_the_circuit_only(place: Path, command: str):
    (place / "feeder" / "x.dss").write_text("! nothing\n")
    assert "feeder.commands, line 1" in outcome(place, "", [command])


def test_a_file_that_redirects_to_itself_or_in_a_ring_is_refused(place: Path):
    assert "redirect to a file that is being read" in outcome(place, "Redirect street.dss")
    for one, other in ("ab", "ba"):
        (place / "feeder" / f"{one}.dss").write_text(f"Redirect {other}.dss\n")
    said = outcome(place, "Redirect a.dss")
    assert "(b.dss, line 1), got a.dss" in said


def test_a_program_a_folder_and_a_huge_file_are_refused_at_once(place: Path):
    path = place / "feeder" / "street.dss"
    path.write_bytes(b"\x7fELF\x02\x01\x01\x00\x00\x00" * 1000)
    with pytest.raises(InputError, match="be text, without control characters"):
        opendss.read(path)
    with pytest.raises(EvergridError, match="it is a folder"):
        opendss.read(place / "feeder")
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(InputError, match="at most 64 MB"):
        opendss.read(path)
    assert "name a file that is there" in outcome(place, "Redirect .")


def test_many_redirects_to_one_file_end(place: Path):
    (place / "feeder" / "big.dss").write_text("! filling\n" * 100_000)
    assert "at most 64 MB" in outcome(place, "Redirect big.dss\n" * 100)


def test_latin_1_text_is_read(place: Path):
    path = place / "feeder" / "street.dss"
    line = "New Load.H\u00e4us_\u00dc bus1=\u00fc.1 phases=1 kv=0.23 kw=1\n"
    line += "New Line.\u00dc bus1=c bus2=\u00dc linecode=cable length=0.1 units=km"
    for encoding in ("latin-1", "utf-8", "utf-8-sig"):
        path.write_bytes(STREET.format(more=line).encode(encoding))
        feeder = opendss.read(path)
        assert "h\u00e4us_\u00fc" in feeder.branches.name
        assert "\u00fc" in feeder.buses.name


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("verb", ["BusCoords", "LatLongCoords"])
def test_coordinates_of_buses_with_umlauts_are_read(place: Path, verb: str, encoding: str):
    path = place / "feeder" / "street.dss"
    line = "New Line.long bus1=c bus2=M\u00fchle linecode=cable length=0.1 units=km"
    text = f"{STREET.format(more=line)}\n{verb} places.csv\n"
    path.write_bytes(text.encode(encoding))
    places = "b, 1, 2\nM\u00dcHLE, 3.5, 4 ! there\nelsewhere_\u00fc, 5, 6\n\u00fc, x, y\n\u00fc\n"
    (path.parent / "places.csv").write_bytes(places.encode(encoding))
    buses = opendss.read(path).buses
    found = {
        name: (x, y) for name, x, y in zip(buses.name, buses.x, buses.y, strict=True) if x == x
    }
    expected = {"b": (1.0, 2.0), "m\u00fchle": (3.5, 4.0)}
    turn = 1 if verb == "BusCoords" else -1
    assert found == {name: at[::turn] for name, at in expected.items()}


def test_names_with_dots_spaces_and_equals_signs_are_read(place: Path):
    lines = [
        "New Load.home.one bus1=b.1 phases=1 kv=0.23 kw=2",
        'New "Load.a b=c" bus1=b.1 phases=1 kv=0.23 kw=2 vlowpu=0.6',
        'New "Line.x y=z.1" bus1=c bus2=d linecode=cable length=0.1 units=km',
        "New Load.far bus1=d.1 phases=1 kv=0.23 kw=1",
        'New "Capacitor.c a=p.1" bus1=c.1 phases=1 kv=0.23 kvar=1 states=[0]',
        "CalcVoltageBases",
    ]
    assert outcome(place, "\n".join(lines)) == ""
    feeder = opendss.read(place / "feeder" / "street.dss")
    assert {"home.one", "a b=c", "far"} <= set(feeder.branches.name)
    assert feeder.branches.law[feeder.branches.name == "a b=c", FADED].tolist() == [0.6]
    assert "x y=z.1" in feeder.lines.name
    assert feeder.state.connected == (False,)


def test_a_line_is_cut_as_opendss_cuts_it():
    parser = DSS.Parser
    for line in (
        "a=b=c",
        "kw = 5, kvar=(5 3 *)!c",
        '"a b"c=5',
        "x/y//z",
        "a, b,,c",
        "f = {x} , y",
        "k=[1 2",
        "a='b'c d",
        "p=http:/x",
        "= 5",
        'a="x" = 5',
        "(a b) = (c d) e",
        "\ta\t=\tb\t",
    ):
        parser.CmdString = line
        theirs = []
        for _ in parameters(line):
            name = parser.NextParam
            theirs.append((name, parser.StrValue))
        assert [(each.name, each.value) for each in parameters(line)] == theirs, line
