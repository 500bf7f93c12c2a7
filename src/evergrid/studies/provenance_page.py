"""What stands around the results of a study in its report: question, settings, provenance."""

from collections.abc import Mapping
from typing import Any

from evergrid.report.page import About, Table


def about(question: str, settings: str, summary: Mapping[str, Any]) -> About:
    """The question, every setting and assumption, and what would repeat the run.

    Args:
        question: What the study answers.
        settings: The resolved configuration as TOML text.
        summary: Headline numbers, with sources, versions, seed and hashes.
    """
    return About(question, _settings(settings, summary), _provenance(summary))


def _settings(settings: str, summary: Mapping[str, Any]) -> Table:
    rows = [tuple(line.split(" = ", 1)) for line in _flat(settings)]
    for meta in summary["sources"]:
        rows += [(f"{meta['source']}: {key}", str(v)) for key, v in meta["assumptions"].items()]
        rows.append((f"{meta['source']}: licence", meta["licence"]))
    return Table(("setting", "value"), rows)


def _flat(settings: str) -> list[str]:
    """The lines of a TOML text with the name of their table in front."""
    table, flat = "", []
    for line in settings.splitlines():
        if line.startswith("["):
            table = line.strip("[]") + "."
        elif " = " in line:
            flat.append(table + line)
    return flat


def _provenance(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [(name, version) for name, version in summary["versions"].items()]
    rows += [("seed", str(summary["seed"])), ("config sha256", summary["config_sha256"][:16])]
    return rows + [(f"{name} sha256", sha[:16]) for name, sha in summary["input_sha256"].items()]
