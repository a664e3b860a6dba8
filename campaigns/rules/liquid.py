"""The Liquid that letters are mostly made of, turned into Python once: words, simple filters, loops over a list, and
conditions on one word. The rest of the language, and whatever is not quite as expected, is left to python-liquid.

It gives the same text or none (tests/campaigns/test_liquid.py holds the two beside each other), in a tenth of the time:
a letter is filled in for each of a hundred thousand members.
"""

from collections.abc import Callable, Mapping
from typing import Any

from liquid import BoundTemplate, escape
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, LoopExpression, Path
from liquid.builtin.expressions.arguments import PositionalArgument
from liquid.builtin.expressions.logical import BooleanExpression
from liquid.builtin.expressions.primitive import IntegerLiteral, StringLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.expression import Expression

Scope = Mapping[str, Any]
_Write = Callable[[Scope, list[str]], None]
_LookUp = Callable[[Scope], Any]
# A loop may run a thousand times in all, however many loops there are: far less in each is nothing to count.
_LONGEST_LIST = 50
# They look at one text, and at nothing around it.
_FILTERS = {"capitalize", "default", "downcase", "strip", "upcase"}
# What python-liquid understands in its own way.
_ITS_OWN = {"size", "first", "last"}


class Unsure(Exception):
    """Only python-liquid knows what becomes of this."""


class Quick:
    """`template` as Python. Raises Unsure for one that says more than is understood here."""

    def __init__(self, template: BoundTemplate) -> None:
        env = template.env
        self._longest = env.output_stream_limit or 0
        self._filters = env.filters
        self._escape: Callable[[str], str] = escape if env.autoescape else str
        self._write = self._block(template.nodes, inside=())

    def fill(self, values: Scope) -> str:
        """Raises Unsure."""
        written: list[str] = []
        try:
            self._write(values, written)
        except (LookupError, TypeError) as error:  # a word that is not there: python-liquid says which, and where
            raise Unsure from error
        text = "".join(written)
        if 4 * len(text) > self._longest and len(text.encode()) > self._longest:
            raise Unsure
        return text

    def _block(self, nodes: list[Node], inside: tuple[str, ...]) -> _Write:
        parts: list[str | _Write] = [
            node.text if type(node) is ContentNode else self._part(node, inside) for node in nodes
        ]

        def write(scope: Scope, out: list[str]) -> None:
            for part in parts:
                if isinstance(part, str):
                    out.append(part)
                else:
                    part(scope, out)

        return write

    def _part(self, node: Node, inside: tuple[str, ...]) -> _Write:
        if type(node) is OutputNode:
            return self._output(node.expression)
        if type(node) is ForNode and not inside and node.default is None:
            return self._loop(node.expression, self._said(node.block, (node.expression.identifier,)))
        if type(node) is IfNode and not node.alternatives:
            return self._condition(node, inside)
        raise Unsure

    def _said(self, block: BlockNode, inside: tuple[str, ...]) -> _Write:
        if block.blank:  # python-liquid leaves out what is nothing but space
            raise Unsure
        return self._block(block.nodes, inside)

    def _output(self, expression: Expression) -> _Write:
        if type(expression) is not FilteredExpression:
            raise Unsure
        look_up, shown = _path(expression.left), self._escape
        for each in expression.filters or ():
            look_up = _filtered(look_up, self._filter(each.name, each.args))

        def write(scope: Scope, out: list[str]) -> None:
            value = look_up(scope)
            if type(value) is not str:
                raise Unsure
            out.append(shown(value))

        return write

    def _filter(self, name: str, arguments: list[Any]) -> Callable[[str], Any]:
        if name not in _FILTERS:
            raise Unsure
        given = [_literal(each.value) if type(each) is PositionalArgument else _literal(None) for each in arguments]
        work = self._filters[name]
        return lambda value: work(value, *given)

    def _loop(self, expression: LoopExpression, body: _Write) -> _Write:
        if expression.offset or expression.cols or expression.reversed or expression.identifier == "forloop":
            raise Unsure
        look_up, name = _path(expression.iterable), expression.identifier
        most = _limit(expression.limit)

        def write(scope: Scope, out: list[str]) -> None:
            items = look_up(scope)
            if type(items) is not list or len(items) > _LONGEST_LIST:
                raise Unsure
            for item in items[:most]:
                body({**scope, name: item, "forloop": None}, out)

        return write

    def _condition(self, node: IfNode, inside: tuple[str, ...]) -> _Write:
        if type(node.condition) is not BooleanExpression:
            raise Unsure
        look_up, then = _path(node.condition.expression), self._said(node.consequence, inside)
        otherwise = self._said(node.default, inside) if node.default else None

        def write(scope: Scope, out: list[str]) -> None:
            value = look_up(scope)
            if type(value) is not str and type(value) is not bool:
                raise Unsure
            if value is not False:  # an empty text is something, in Liquid
                then(scope, out)
            elif otherwise:
                otherwise(scope, out)

        return write


def _filtered(look_up: _LookUp, apply: Callable[[str], Any]) -> _LookUp:
    def look_up_and_apply(scope: Scope) -> Any:
        value = look_up(scope)
        if type(value) is not str:
            raise Unsure
        return apply(value)

    return look_up_and_apply


def _path(expression: Expression) -> _LookUp:
    if type(expression) is not Path:
        raise Unsure
    root, *steps = expression.path
    if not isinstance(root, str) or any(not isinstance(step, str | int) or step in _ITS_OWN for step in steps):
        raise Unsure
    if len(steps) == 1 and isinstance(steps[0], str):
        [name] = steps
        return lambda scope: scope[root][name]  # of a text that would be a TypeError

    def look_up(scope: Scope) -> Any:
        value = scope[root]
        for step in steps:
            if type(value) is str:
                raise Unsure
            value = value[step]
        return value

    return look_up


def _limit(expression: Expression | None) -> int | None:
    if expression is None:
        return None
    if type(expression) is not IntegerLiteral or expression.value < 1:
        raise Unsure
    return expression.value


def _literal(expression: Expression | None) -> str:
    if type(expression) is not StringLiteral:
        raise Unsure
    return expression.value
