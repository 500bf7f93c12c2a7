"""What a reader did to dirty rows: every rule it applied, how often it bit, and examples."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from evergrid.core.arrays import Array, Bool, Shaped
from evergrid.core.text import printable

SHOWN = 3  # examples a finding keeps

Action = Literal["kept", "repaired", "rejected"]


@dataclass(frozen=True)
class Finding:
    """What one rule found.

    Attributes:
        rule: What is wrong with the rows, in words.
        action: What was done to them.
        count: How many rows it concerns; a row may break several rules and counts in each.
        examples: Up to three rows, with the row number in the file (the first is 1) and value.
    """

    rule: str
    action: Action
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        examples = f" ({'; '.join(self.examples)})" if self.examples else ""
        return f"{self.action:8} {self.count:7,}  {self.rule}{examples}"


@dataclass(frozen=True)
class Quality:
    """What became of every row of a source.

    Attributes:
        source: The format that was read.
        rows_read: Rows of the file, or of the chosen series and window.
        rows_kept: Rows whose values are in the result.
        rows_repaired: Those among the kept that were changed.
        rows_rejected: Rows left out; kept and rejected together are the rows read.
        findings: One per rule, also those that found nothing.
    """

    source: str
    rows_read: int
    rows_kept: int
    rows_repaired: int
    rows_rejected: int
    findings: tuple[Finding, ...]

    def count(self, rule: str) -> int:
        """How many rows that rule found."""
        return next(finding.count for finding in self.findings if finding.rule == rule)

    def lines(self) -> list[str]:
        """The account as text, one line per rule."""
        total = (
            f"{self.source}: {self.rows_read:,} rows read, {self.rows_kept:,} kept "
            f"({self.rows_repaired:,} repaired), {self.rows_rejected:,} rejected"
        )
        return [total, *(f"  {finding}" for finding in self.findings)]

    def to_dict(self) -> dict[str, Any]:
        """The account as plain values, for a summary."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """A rule that has been applied to every row of a source.

    Attributes:
        rule: What is wrong with the rows it marks.
        action: What is done to them.
        rows: The rows it marks.
        values: What to show for each row.
    """

    rule: str
    action: Action
    rows: Bool[Array, " row"]
    values: Shaped[Array, " row"] | Sequence[Any]


def rejected(rules: Sequence[Rule], rows_read: int) -> Bool[Array, " row"]:
    """The rows that at least one rule rejects."""
    return _any(rules, "rejected", rows_read)


def account(source: str, rules: Sequence[Rule], rows_read: int) -> Quality:
    """The account of rules applied to the rows of a source.

    A row that is rejected is not repaired, whatever else was found in it.
    """
    out = rejected(rules, rows_read)
    repaired = _any(rules, "repaired", rows_read) & ~out
    return Quality(
        source=source,
        rows_read=rows_read,
        rows_kept=int((~out).sum()),
        rows_repaired=int(repaired.sum()),
        rows_rejected=int(out.sum()),
        findings=tuple(_finding(rule, out) for rule in rules),
    )


def examples(
    rows: Bool[Array, " row"], values: Shaped[Array, " row"] | Sequence[Any]
) -> tuple[str, ...]:
    """The first marked rows as text, such as "row 17: -75"."""
    return tuple(f"row {i + 1}: {shown(values[int(i)])}" for i in np.nonzero(rows)[0][:SHOWN])


def shown(value: Any) -> str:
    """A cell as a message shows it."""
    if isinstance(value, np.datetime64) and not np.isnat(value):
        return np.datetime_as_string(value, unit="s")
    return printable.shown(value)


def _any(rules: Sequence[Rule], action: Action, rows_read: int) -> Bool[Array, " row"]:
    marked = np.zeros(rows_read, bool)
    for rule in rules:
        if rule.action == action:
            marked |= rule.rows
    return marked


def _finding(rule: Rule, out: Bool[Array, " row"]) -> Finding:
    rows = rule.rows & ~out if rule.action == "repaired" else rule.rows
    return Finding(rule.rule, rule.action, int(rows.sum()), examples(rows, rule.values))
