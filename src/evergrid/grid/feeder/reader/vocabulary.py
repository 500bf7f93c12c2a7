"""What of OpenDSS' language a feeder may use: its verbs, options and properties, each with a fate.

The words stand in OpenDSS' own order, as its first match decides what an abbreviation means. A
word that is in none of the lists is refused, so that what a later OpenDSS adds must be judged here
first. `tests/grid/test_opendss_hostile.py` holds the lists against the engine.

Source:
    DSS C-API 0.14.5: `DSS.Executive`, its schema of properties, and its manual for what each does.
"""

from enum import Enum
from functools import cache
from importlib import resources


class Fate(Enum):
    """What becomes of a word that a feeder's file uses."""

    EDIT = "properties follow, which are judged one by one"
    KEEP = "changes the circuit or how it is solved, and nothing else"
    OPTIONS = "options follow, which are judged one by one"
    FILE = "names a file, which must lie in the feeder's folder"
    FOLDER = "changes the folder that files are looked for in"
    SKIP = "prints, writes, plots or measures, and changes no circuit"
    REFUSE = "anything else"


_VERBS = (
    "New Edit More M ~ Select Save Show Solve Enable Disable Plot Reset Compile Set Dump Open "
    "Close // Redirect Help Quit ? Next Panel Sample Clear About Calcvoltagebases SetkVBase "
    "BuildY Get Init Export Fileedit Voltages Currents Powers Seqvoltages Seqcurrents "
    "Seqpowers Losses Phaselosses Cktlosses Allocateloads Formedit Totals Capacity Classes "
    "Userclasses Zsc Zsc10 ZscRefresh Ysc puvoltages VarValues Varnames Buscoords MakeBusList "
    "MakePosSeq Reduce Interpolate AlignFile TOP Rotate Vdiff Summary Distribute DI_plot "
    "Comparecases YearlyCurves CD Visualize CloseDI DOScmd Estimate Reconductor _InitSnap "
    "_SolveNoControl _SampleControls _DoControlActions _ShowControlQueue _SolveDirect "
    "_SolvePFlow AddBusMarker Uuids SetLoadAndGenKV CvrtLoadshapes NodeDiff Rephase SetBusXY "
    "UpdateStorage Obfuscate LatLongCoords BatchEdit Pstcalc Variable ReprocessBuses "
    "ClearBusMarkers RelCalc var Cleanup FinishTimeStep NodeList Connect Disconnect Remove "
    "CalcIncMatrix CalcIncMatrix_O Refine_BusLevels CalcLaplacian ExportOverloads "
    "ExportVViolations Zsc012 AllPCEatBus AllPDEatBus TotalPowers GISCoords ClearAll COMHelp "
    "NewActor Wait SolveAll Abort Clone"
)
VERBS = tuple(_VERBS.split())
_VERBS_OF = {
    Fate.EDIT: "New Edit More M ~ BatchEdit",
    Fate.OPTIONS: "Set Solve",
    Fate.FILE: "Redirect Compile Buscoords LatLongCoords",
    Fate.FOLDER: "CD",
    Fate.KEEP: "Select Enable Disable Reset Open Close Next Sample Clear ClearAll Calcvoltagebases "
    "SetkVBase BuildY Init Allocateloads MakeBusList MakePosSeq Reduce Interpolate Rotate "
    "_InitSnap _SolveNoControl _SampleControls _DoControlActions _SolveDirect _SolvePFlow "
    "SetLoadAndGenKV SetBusXY UpdateStorage ReprocessBuses Cleanup FinishTimeStep",
    Fate.SKIP: "Save Show Plot Dump // Help Quit ? Panel About Get Export Fileedit "
    "Voltages Currents "
    "Powers Seqvoltages Seqcurrents Seqpowers Losses Phaselosses Cktlosses Formedit Totals "
    "Classes Userclasses Zsc Zsc10 ZscRefresh Ysc puvoltages VarValues Varnames AlignFile TOP "
    "Vdiff Summary DI_plot Comparecases YearlyCurves Visualize CloseDI _ShowControlQueue "
    "AddBusMarker Uuids CvrtLoadshapes NodeDiff Pstcalc Variable ClearBusMarkers RelCalc "
    "NodeList CalcIncMatrix CalcIncMatrix_O Refine_BusLevels CalcLaplacian ExportOverloads "
    "ExportVViolations Zsc012 AllPCEatBus AllPDEatBus TotalPowers GISCoords COMHelp",
}
_OPTIONS = (
    "type element hour sec year frequency stepsize mode random number time class object "
    "circuit editor tolerance maxiterations h Loadmodel Loadmult normvminpu normvmaxpu "
    "emergvminpu emergvmaxpu %mean %stddev LDCurve %growth Genkw Genpf CapkVAR Addtype "
    "Allowduplicates Zonelock UEweight Lossweight UEregs Lossregs Voltagebases Algorithm "
    "Trapezoidal Autobuslist Controlmode Tracecontrol Genmult Defaultdaily Defaultyearly "
    "Allocationfactors Cktmodel Pricesignal Pricecurve Terminal Basefrequency Harmonics "
    "Maxcontroliter Bus Datapath KeepList ReduceOption DemandInterval %Normal DIVerbose "
    "Casename Markercode Nodewidth Log Recorder Overloadreport Voltexceptionreport Cfactors "
    "ShowExport Numallociterations DefaultBaseFrequency Markswitches Switchmarkercode "
    "Daisysize Marktransformers TransMarkerCode TransMarkerSize LoadShapeClass EarthModel "
    "QueryLog MarkCapacitors MarkRegulators MarkPVSystems MarkStorage CapMarkerCode "
    "RegMarkerCode PVMarkerCode StoreMarkerCode CapMarkerSize RegMarkerSize PVMarkerSize "
    "StoreMarkerSize NeglectLoadY MarkFuses FuseMarkerCode FuseMarkerSize MarkReclosers "
    "RecloserMarkerCode RecloserMarkerSize RegistryUpdate MarkRelays RelayMarkerCode "
    "RelayMarkerSize ProcessTime TotalTime StepTime SampleEnergyMeters MinIterations "
    "DSSVisualizationTool KeepLoad Zmag SeasonRating SeasonSignal LineTypes EventLogDefault "
    "LongLineCorrection ShowReports NumCPUs NumCores NumActors ActiveActor CPU ActorProgress "
    "Parallel ConcatenateReports NUMANodes"
)
OPTIONS = tuple(_OPTIONS.split())
_OPTIONS_OF = {
    Fate.FOLDER: "Datapath",
    Fate.KEEP: "type element hour sec year frequency stepsize mode random number time class object "
    "circuit tolerance maxiterations h Loadmodel Loadmult normvminpu normvmaxpu emergvminpu "
    "emergvmaxpu %mean %stddev LDCurve %growth Genkw Genpf CapkVAR Addtype Allowduplicates "
    "Zonelock UEweight Lossweight UEregs Lossregs Voltagebases Algorithm Trapezoidal "
    "Autobuslist Controlmode Genmult Defaultdaily Defaultyearly Allocationfactors Cktmodel "
    "Pricesignal Pricecurve Terminal Basefrequency Harmonics Maxcontroliter Bus KeepList "
    "ReduceOption %Normal Cfactors Numallociterations DefaultBaseFrequency LoadShapeClass "
    "EarthModel NeglectLoadY SampleEnergyMeters MinIterations KeepLoad Zmag SeasonRating "
    "SeasonSignal LongLineCorrection",
    Fate.SKIP: "editor Tracecontrol DemandInterval DIVerbose Casename Markercode Nodewidth "
    "Log Recorder "
    "Overloadreport Voltexceptionreport ShowExport Markswitches Switchmarkercode Daisysize "
    "Marktransformers TransMarkerCode TransMarkerSize QueryLog MarkCapacitors MarkRegulators "
    "MarkPVSystems MarkStorage CapMarkerCode RegMarkerCode PVMarkerCode StoreMarkerCode "
    "CapMarkerSize RegMarkerSize PVMarkerSize StoreMarkerSize MarkFuses FuseMarkerCode "
    "FuseMarkerSize MarkReclosers RecloserMarkerCode RecloserMarkerSize RegistryUpdate "
    "MarkRelays RelayMarkerCode RelayMarkerSize ProcessTime TotalTime StepTime "
    "DSSVisualizationTool LineTypes EventLogDefault ShowReports NumCPUs NumCores "
    "ActorProgress ConcatenateReports NUMANodes",
}
_FILE_PROPERTIES = frozenset(("csvfile", "sngfile", "dblfile", "pqcsvfile"))
_NATIVE = frozenset(("usermodel", "userdata", "shaftmodel", "shaftdata", "dynadll", "dynadata"))
_TRACES = frozenset(("debugtrace", "memorymapping"))  # the second reads the same numbers later
# First letters of the actions that change a circuit; the others write or sample.
_ACTIONS = {
    "loadshape": "n",
    "tshape": "",
    "priceshape": "",
    "monitor": "",
    "energymeter": "acrt",
}
WRITING_MODE = "a"  # AutoAdd, the one mode of solution that writes; any abbreviation of it


def _fates(names: tuple[str, ...], lists: dict[Fate, str]) -> dict[str, Fate]:
    known = {word.lower(): fate for fate, words in lists.items() for word in words.split()}
    return {name: known.get(name.lower(), Fate.REFUSE) for name in names}


VERB_FATE = _fates(VERBS, _VERBS_OF)
OPTION_FATE = _fates(OPTIONS, _OPTIONS_OF)


@cache
def properties() -> dict[str, tuple[str, ...]]:
    """Properties of each class, both in OpenDSS' order; classes in lower case."""
    text = (resources.files("evergrid.grid.feeder.reader") / "opendss_properties.txt").read_text(
        "utf-8"
    )
    entries = [part.split(":", 1) for part in text.replace("\n    ", " ").splitlines()]
    return {name.lower(): tuple(listed.split()) for name, listed in entries}


def property_fate(kind: str, name: str, value: str) -> Fate:
    """What becomes of a property of a class, both in lower case, that is given a value."""
    if name in _FILE_PROPERTIES:
        return Fate.FILE
    if name in _NATIVE:
        return Fate.REFUSE
    if name in _TRACES:
        return Fate.SKIP
    if name == "action" and kind in _ACTIONS:
        kept = value.strip()[:1].lower()
        return Fate.KEEP if kept and kept in _ACTIONS[kind] else Fate.SKIP
    return Fate.KEEP


@cache
def places(names: tuple[str, ...]) -> dict[str, int]:
    """Which word OpenDSS takes an abbreviation for: one that equals it, or the first it begins."""
    found = {name.lower(): place for place, name in reversed(list(enumerate(names)))}
    for place, name in enumerate(names):
        for length in range(1, len(name)):
            found.setdefault(name[:length].lower(), place)
    return found


@cache
def places_of_kind(kind: str) -> dict[str, int]:
    """Which property of a class, in lower case, OpenDSS takes an abbreviation for."""
    return places(properties()[kind])
