"""The small faults that can be put into a source file, each as a replaced piece of its text."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any, TypeVar

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
TURNED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
CALCULATED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
OPPOSITES = [
    ("min", "max"), ("minimum", "maximum"), ("any", "all"), ("floor", "ceil"), ("left", "right"),
    ("argmin", "argmax"), ("first", "last"), ("head", "tail"), ("is_null", "is_not_null"),
    ("sum", "mean"), ("min_horizontal", "max_horizontal"), ("startswith", "endswith"),
]  # fmt: skip
OPPOSITE = {one: other for pair in OPPOSITES for one, other in (pair, pair[::-1])}
SYMMETRIC = {"min", "max", "minimum", "maximum", "zip", "allclose", "isclose", "union1d", "add"}

ALIKE, SHOWN = 30, 70  # letters of long changes that are printed

# What needs no brackets around it wherever it stands.
BARE = (ast.Name, ast.Constant, ast.Call, ast.Slice, ast.stmt, ast.Attribute, ast.Subscript)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Fault = tuple[str, Any, ast.AST]  # its kind, the node that is replaced, and by what
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class Change:
    """One fault.

    Attributes:
        kind: What sort of fault.
        line: Where, counted from 1.
        text: The line without the fault, stripped.
        before: Code that is replaced.
        after: What replaces it.
        first: Where that begins, in bytes of the file.
        stop: Where it ends.
    """

    kind: str
    line: int
    text: str
    before: str
    after: str
    first: int
    stop: int

    def applied(self, source: str) -> str:
        """The source with the fault."""
        raw = source.encode()
        return (raw[: self.first] + self.after.encode() + raw[self.stop :]).decode()

    def __str__(self) -> str:
        return f"{self.before} -> {self.after}"

    @property
    def brief(self) -> str:
        """The same in a line: what is alike at the beginning, and the end, are cut off."""
        alike = takewhile(
            lambda pair: pair[0] == pair[1], zip(self.before, self.after, strict=False)
        )
        begin = max(sum(1 for _ in alike) - ALIKE, 0)
        parts = (code[begin : begin + SHOWN] for code in (self.before, self.after))
        return ("... " if begin else "") + " -> ".join(parts)


def changes(source: str) -> list[Change]:
    """Every fault that can be put into the functions of a file, in the order of its text."""
    lines = source.encode().splitlines(keepends=True)
    begins = [0, *accumulate(map(len, lines))]
    made = {
        _change(lines, begins, fault)
        for function in _functions(ast.parse(source))
        for node in _code(function)
        for fault in _faults(node, function)
    }
    return sorted(made, key=lambda one: (one.first, one.stop, one.kind, one.after))


def _functions(tree: ast.Module) -> Iterator[Function]:
    """Functions and methods; one inside another belongs to that."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (each for each in inner if isinstance(each, Function))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """What is executed: no docstrings, annotations, decorators or texts, and no `strict`.

    That only says that two lengths are never different; no test could bring them about.
    """
    if isinstance(node, Function):
        below: list[Any] = [*node.args.defaults, *node.args.kw_defaults, *node.body]
    elif isinstance(node, ast.AnnAssign):
        below = [node.value]
    else:
        below = list(ast.iter_child_nodes(node))
    for child in below:
        # Places inside an f-string are not told before Python 3.12.
        if (
            isinstance(child, ast.AST)
            and not isinstance(child, ast.JoinedStr)
            and not _strict(child)
        ):
            yield child
            yield from _code(child)


def _strict(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _faults(node: ast.AST, function: Function) -> Iterator[Fault]:
    """Faults that can be put in at this node."""
    match node:
        case ast.Compare(ops=[operator]):
            for kind, table in (("comparison", COMPARED), ("comparison turned", TURNED)):
                if type(operator) in table:
                    yield kind, node, _with(node, ops=[table[type(operator)]()])
        case ast.BinOp(op=operator) if type(operator) in CALCULATED:
            yield "arithmetic", node, _with(node, op=CALCULATED[type(operator)]())
        case ast.AugAssign(op=operator) if type(operator) in CALCULATED:
            yield "arithmetic", node, _with(node, op=CALCULATED[type(operator)]())
        case ast.BoolOp(op=operator):
            opposite = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "boolean", node, _with(node, op=opposite)
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert(), operand=operand):
            yield "sign or not dropped", node, operand
        case ast.Constant(value=bool() | int() | float() as value):
            yield "constant", node, ast.Constant(_other(value))
        case ast.Slice():
            yield from (("slice", node, bounds) for bounds in _off_by_one(node))
        case ast.Call():
            yield from ((kind, node, call) for kind, call in _calls(node))
        case ast.If() | ast.IfExp():
            yield "condition negated", node.test, ast.UnaryOp(ast.Not(), node.test)
        case ast.Return(value=ast.Name(id=name) as value):
            others = (other for other in _locals(function) if other != name)
            yield from (("another variable", value, ast.Name(other)) for other in others)
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield "statement dropped", node, ast.Pass()
        case _:
            return


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.Call]]:
    called, arguments, keywords = node.func, node.args, node.keywords
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name in OPPOSITE:
        field = "attr" if isinstance(called, ast.Attribute) else "id"
        yield "opposite", _with(node, func=_with(called, **{field: OPPOSITE[name]}))
    if len(arguments) > 1 and name not in SYMMETRIC:
        yield "arguments swapped", _with(node, args=[*arguments[1::-1], *arguments[2:]])
    if len(arguments) > 1:
        yield "argument dropped", _with(node, args=arguments[:-1])
    for row, keyword in enumerate(keywords):
        if _strict(keyword):
            continue
        before, after = keywords[:row], keywords[row + 1 :]
        yield "argument dropped", _with(node, keywords=[*before, *after])
        if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant):
            other = ast.keyword("axis", ast.Constant(0 if keyword.value.value else 1))
            yield "axis", _with(node, keywords=[*before, other, *after])


def _off_by_one(node: ast.Slice) -> Iterator[ast.Slice]:
    one = ast.Constant(1)
    lower = one if node.lower is None else ast.BinOp(node.lower, ast.Add(), one)
    yield _with(node, lower=lower)
    if node.upper is not None:
        yield _with(node, upper=ast.BinOp(node.upper, ast.Sub(), one))


def _other(value: float) -> float:
    """Another constant of the same type: one more, twice as much, or the opposite."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return 2 * value if value else 1.0


def _locals(function: Function) -> list[str]:
    """Variables of a function, sorted."""
    arguments = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    names = (each for each in ast.walk(function) if isinstance(each, ast.Name))
    return sorted(arguments | {each.id for each in names if isinstance(each.ctx, ast.Store)})


def _with(node: Node, **fields: Any) -> Node:
    """The same node with other fields."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _change(lines: list[bytes], begins: list[int], fault: Fault) -> Change:
    kind, node, after = fault
    first = begins[node.lineno - 1] + node.col_offset
    stop = begins[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
    text = ast.unparse(after)
    bare = isinstance(after, BARE)
    line = lines[node.lineno - 1].decode().strip()
    after_text = text if bare else f"({text})"
    return Change(kind, node.lineno, line, ast.unparse(node), after_text, first, stop)
