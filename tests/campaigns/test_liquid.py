"""What letters are filled in by says the same as python-liquid does, to the letter, or leaves it to that."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from liquid import Environment, StrictUndefined
from liquid.exceptions import LiquidError

from campaigns.rules.liquid import Quick, Unsure
from campaigns.rules.wording import WordingFault, fill, fill_html

LIMIT = 2_000


class _Environment(Environment):
    loop_iteration_limit = 60
    output_stream_limit = LIMIT


ENVIRONMENTS = {escapes: _Environment(undefined=StrictUndefined, autoescape=escapes) for escapes in (False, True)}
WORDS = ["member.first_name", "member.points", "member.none", "gone", "gone.too", "links[0]", "links[7]", "links.first",
         "member.first_name.size", "member['points']", "member[word]", "picks", "yes", "number", "word", "pick.name",
         "forloop.index", "picks[0].name", "word[0]"]  # fmt: skip
FILTERS = ["", " | upcase", " | default: 'you'", " | capitalize | strip", " | truncate: 3", " | size", " | escape",
           " | downcase: 'x'", " | default: 'a', allow_false: true", " | nonsense"]  # fmt: skip
PLAIN = st.sampled_from(["", " ", "\n", "Hello, ", "<b>&amp;</b>", "é🍷", "{", "%}", "x" * 400])
OUTPUT = st.builds("{{{{ {}{} }}}}".format, st.sampled_from(WORDS), st.sampled_from(FILTERS))
LOOPS = ["picks", "picks limit: 2", "picks limit: 0", "picks limit: number", "picks reversed", "picks offset: 1",
         "word", "member", "empty", "gone", "many", "(1..3)"]  # fmt: skip
CONDITIONS = ["yes", "no", "word", "nothing", "number", "gone", "word == 'a'", "yes and no", "not yes", "picks"]


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bodies = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        st.builds("{{% for pick in {} %}}{}{}{{% endfor %}}".format, st.sampled_from(LOOPS), bodies,
                  st.sampled_from(["", "{% break %}", "{% else %}none"])),
        st.builds("{{% if {} %}}{}{}{{% endif %}}".format, st.sampled_from(CONDITIONS), bodies,
                  st.sampled_from(["", "{% else %}other", "{% elsif no %}two"])),
        st.builds("{{% unless {} %}}{}{{% endunless %}}".format, st.sampled_from(CONDITIONS), bodies),
        st.just("{% assign word = 'b' %}"),
        st.just("{{ word -}} \n"),
    )  # fmt: skip


TEMPLATES = st.lists(st.recursive(PLAIN | OUTPUT, nested, max_leaves=6), max_size=5).map("".join)
NAMES = st.text(max_size=12) | st.sampled_from(["<script>", 'O\'Neil & "Sons"', "ÅÉ 🍷", "{{ word }}", "\r\n"])


def values(name: str) -> dict[str, Any]:
    return {
        "member": {"first_name": name, "points": "1,240"},
        "picks": [{"name": name, "price": "$1"}, {"name": "B", "price": "$2"}, {"name": "C"}],
        "many": [{"name": "x"}] * 70,
        "links": ["https://shop.example/?a=1&b=2"],
        "empty": [], "nothing": None, "number": 3, "yes": True, "no": False, "word": "a",
    }  # fmt: skip


@given(source=TEMPLATES, name=NAMES, escapes=st.booleans())
@example(source="{% for pick in picks limit: 2 %}{{ pick.name | upcase }}{% endfor %}", name="<Ada>", escapes=True)
@example(source="{% if word %}{{ links[0] }}{% endif %}", name="Ada", escapes=True)
@example(source="{% for pick in picks %}{{ pick.price }}{% endfor %}", name="Ada", escapes=False)
@example(source="{% for pick in many %}{{ pick.name }}{% endfor %}", name="Ada", escapes=False)
@example(source="{{ member.first_name }}" * 3, name="x" * LIMIT, escapes=False)
def test_what_is_quick_says_the_same_or_nothing(source: str, name: str, escapes: bool) -> None:
    try:
        template = ENVIRONMENTS[escapes].from_string(source)
        said = Quick(template).fill(values(name))
    except (LiquidError, Unsure):
        return
    assert said == template.render(**values(name))


@pytest.mark.parametrize(
    "source",
    [
        "Hello {{ member.first_name }}, {{ member.points | default: 'no' }} points.",
        "{% for pick in picks limit: 2 %}{{ pick.name }}: {{ pick.price }}\n{% endfor %}",
        "{% if word %}{{ links[0] }}{% else %}-{% endif %}",
    ],
)
def test_what_letters_are_made_of_is_quick(source: str) -> None:
    for environment in ENVIRONMENTS.values():
        assert Quick(environment.from_string(source)).fill(values("Ada"))


def test_what_cannot_be_filled_in_is_told_as_ever() -> None:
    for filled in (fill, fill_html):
        with pytest.raises(WordingFault, match="Line 2"):
            filled("Hello\n{{ member.nickname }}", {"member": {"first_name": "Ada"}})


def test_a_text_says_what_it_is_told_whether_or_not_it_is_understood_quickly() -> None:
    words = {"member": {"first_name": "<Ada>"}}
    assert fill("{{ member.first_name }}", words) == fill("{{ member.first_name | truncate: 9 }}", words) == "<Ada>"
    assert fill_html("{{ member.first_name }}", words) == "&lt;Ada&gt;"
