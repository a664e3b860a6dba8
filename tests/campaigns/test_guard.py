"""What no message may say, whoever wrote it, and what a language model may not say besides."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.models import Campaign, Plan
from campaigns.rules import branches, guard, proposals, shipped
from campaigns.rules.claims import BANS, Weight
from campaigns.rules.guard import House, Words
from campaigns.rules.proposals import Cap, PlaybookChoice
from integrations.llm.rules import NO_OFFER, REMINDER, RulesModel
from loyalty.models import Member
from tests.campaigns.test_campaign_rules import DAYS, LIMITS, faults, step

LIQUOR, CANNABIS = House(vertical="LIQUOR"), House(vertical="CANNABIS")
OFFER = "Double points\ndouble points on everything in your next visit, and 100 bonus points"


def words(body: str, subject: str = "Hello", **more: Any) -> Words:
    return Words(**({"subject": subject, "body": body, "channel": "email"} | more))


def said(body: str, house: House = LIQUOR, **more: Any) -> str:
    return " ".join(guard.of_a_model(words(body, **more), house))


@pytest.mark.parametrize(
    ("body", "house"),
    [
        ("Our red wine cures a cold.", LIQUOR),
        ("Nuestro vino alivia el estrés y es saludable.", LIQUOR),
        ("These gummies bring pain relief.", CANNABIS),
        ("It helps you sleep, and it is non-addictive.", CANNABIS),
        ("Bring the kids, there is something for children.", LIQUOR),
        ("Tastes like candy!", CANNABIS),
        ("Come and get drunk with us.", LIQUOR),
        ("Unlimited drinks all evening.", LIQUOR),
        ("Get stoned on Friday.", CANNABIS),
        ("A free pre-roll with each visit.", CANNABIS),
    ],
)
def test_the_law_is_refused_whoever_wrote_it(body: str, house: House) -> None:
    (first, *_) = guard.of_law(words(body), house)
    assert first.startswith(("No message may", "Cannabis is not given away"))
    assert "(" in first  # its source


@pytest.mark.parametrize(
    "body",
    ["We secured a rare vintage.", "Our staff is highly trained.", "Cured ham from Parma.", "The teense corkscrew."],
)
def test_words_that_only_hold_such_a_word_are_left_alone(body: str) -> None:
    assert guard.findings(words(body), LIQUOR) == ()


@pytest.mark.parametrize(
    "body",
    [
        "{{ 'Free weed' }} for you.",
        "{{ member.tier | default: 'Free weed' }} for you.",
        "{% assign gift = 'Free we' %}{{ gift }}ed for you.",
        "Fr{% if member.tier %}{% endif %}ee weed for you.",
        "{% if member.tier %}Fr{% else %}B{% endif %}ee weed for you.",
        "{% if member.tier %}B{% else %}Fr{% endif %}ee weed for you.",
        "{% if member.tier == 'Gold' %}Fr{% else %}B{% endif %}ee weed for you.",
        "{% if member.tier %}{% if member.points %}Fr{% else %}B{% endif %}{% else %}Tr{% endif %}ee weed for you.",
        "{% case member.tier %}{% when 'Gold' %}Fr{% when 'Silver' %}B{% else %}Tr{% endcase %}ee weed for you.",
        "{% unless member.tier %}{% if member.points %}x{% else %}Fr{% endif %}{% endunless %}ee weed for you.",
        "Fr{% for pick in picks %}e{% endfor %} weed for you.",
        "{{ 'free' | upcase }}{{ ' ' }}weed for you.",
        "Free\nweed for you.",
        "Free  \u00a0 weed for you.",
        "Fr\u200bee we\u00aded for you.",
        "Fr\u0435\u0435 w\u0435\u0435d for you.",
        "\uff26ree weed for you.",
        "Fr**ee** *weed* for you.",
        "F_r_ee weed for you.",
    ],
)
def test_no_word_hides_in_liquid_in_signs_that_are_not_seen_or_in_letters_that_look_alike(body: str) -> None:
    assert "“free weed”" in " ".join(guard.of_law(words(body), CANNABIS))
    assert guard.of_law(words("Come by.", subject=body.replace("\n", " ")), CANNABIS)


def test_a_text_that_can_be_read_in_too_many_ways_to_look_at_each_is_refused() -> None:
    one = "{% if member.tier %}wine{% endif %} "
    assert guard.of_law(words(8 * one), LIQUOR) == []
    assert "fewer conditions" in " ".join(guard.of_law(words(16 * one), LIQUOR))
    deep = 600 * "{% if member.tier %}" + "wine" + 600 * "{% endif %}"
    assert "fewer conditions" in " ".join(guard.of_law(words(deep), LIQUOR))


def test_conditions_far_from_each_other_are_looked_at_apart() -> None:
    long = "A new red has come in from the hills, and it is worth a visit. " * 8
    letter = "".join(f"{{% if member.tier %}}{long}{{% endif %}}{long}" for _ in range(9))
    assert guard.of_law(words(letter), CANNABIS) == []
    assert sum(map(len, branches.ways(letter))) < 20_000
    hidden = f"{letter}{{% if member.tier %}}{long}Fr{{% else %}}B{{% endif %}}ee weed for you. {long}"
    assert "“free weed”" in " ".join(guard.of_law(words(hidden), CANNABIS))


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("Hello", {"Hello"}),
        ("a{% if x %}b{% elsif y %}c{% endif %}d", {"abd", "acd", "ad"}),
        ("{% if x %}a{% else %}b{% endif %}{{ c }}", {"a{{ c }}", "b{{ c }}"}),
        ("{% for pick in picks %}a{% else %}b{% endfor %}", {"", "a", "aa", "b", "bb"}),
        ("{% if x %}a{% if y %}b{% endif %}{% endif %}", {"", "a", "ab"}),
        ("a{% endif %}b{% assign c = 1 %}d", {"abd"}),
        ("a{% if x %}b", {"ab", "a"}),
    ],
)
def test_a_text_is_read_however_its_conditions_turn_out(text: str, ways: set[str]) -> None:
    assert set(branches.ways(text)) == ways


def test_the_literals_of_liquid_are_held_to_the_offer_as_well() -> None:
    assert "“50%”" in said("{{ member.tier | default: '50% off for you' }}")
    assert "“double points”" in said("You get {{ member.tier | default: 'double points' }}.")
    assert "links elsewhere (https:)" in said("{{ member.tier | default: 'https://evil.example' }}")


@pytest.mark.parametrize(
    "body",
    [
        "{% assign name = member.first_name %}Hello {{ name }}.",
        "{{ 'Hello' }}",
        '{{- "Hello" -}}',
        "{{ 5 }}",
        "{{ false | default: 'Hello' }}",
    ],
)
def test_a_model_fills_in_what_is_known_and_nothing_of_its_own(body: str) -> None:
    assert "Liquid may only hold words that are known" in said(body)
    assert guard.of_law(words(body), LIQUOR) == guard.warnings(words(body), LIQUOR) == []
    assert said("{{ member.first_name }} {{- member['tier'] | default: 'friend' }} at {{store.name}}") == ""


@pytest.mark.parametrize(
    "target",
    ["{{ 'https://evil.example' }}", "{{'offer'}}", "{{ business.name }}", "offer 'Read on'", "//evil", "offers", ""],
)
def test_a_model_links_to_a_place_and_to_nothing_that_is_put_together(target: str) -> None:
    assert "links elsewhere" in said(f"[Claim it]({target})", offer=OFFER)


def test_what_an_offer_promises_is_held_to_the_law_as_well() -> None:
    offer = "Gift\na free pre-roll for every teenager"
    assert guard.of_law(words("For you: {{ offer.wording }}.", offer=offer), CANNABIS)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("Only today: 20% off.", "“20%”, which no offer of this step states"),
        ("Save $5 on each bottle.", "“$5”"),
        ("There are 500 bonus points in it.", "“500 bonus points”"),
        ("A free corkscrew for you.", "“free”"),
        ("Doble de puntos esta semana.", "“doble de puntos”"),
        ("Read on at www.cheap-wine.com", "links elsewhere"),
        ("Read [on](https://cheap.example/x).", "links elsewhere"),
        ("[Press here](javascript:alert(1))", "links elsewhere"),
        ("COME NOW BEFORE everything is GONE TODAY!!", "shouts"),
        ("For you 🍭", "children like"),
        ("🎉🥂🍷 Cheers", "3 pictures"),
        ("You are {{ member.tier }}.", "have no tier"),
        ("a" * 460, "at most 459"),
    ],
)
def test_a_model_may_not_promise_link_or_shout(body: str, says: str) -> None:
    channel = "sms" if len(body) > 400 else "email"
    assert says in said(body, channel=channel)
    assert guard.of_law(words(body, channel=channel), LIQUOR) == []


def test_what_the_offer_states_and_the_shop_claims_may_be_said() -> None:
    assert said("Double points, and 100 bonus points.", offer=OFFER) == ""
    assert "200 bonus points" in said("And 200 bonus points.", offer=OFFER)
    assert said("Rated 98% by our members.", House(vertical="LIQUOR", claims=("rated 98% by our members",))) == ""
    assert said("See [the offer](offer) and {{ offer.wording }}.", offer=OFFER) == ""


def test_a_tier_asked_for_or_stood_in_for_is_no_fault() -> None:
    assert said("{% if member.tier %}You are {{ member.tier }}.{% endif %}") == ""
    assert said("You are {{ member.tier | default: 'one of us' }}.") == ""


def test_the_shops_own_words_are_kept_to() -> None:
    house = House(vertical="LIQUOR", forbidden=("Cheap",), required=("21+",))
    assert "leaves out “cheap”" in said("A cheap evening.", house)
    assert "asks for “21+”" in said("A fine evening.", house)
    assert said("A fine evening, 21+.", house) == ""


def test_where_the_law_of_the_state_forbids_gifts_no_text_promises_one() -> None:
    house = replace(LIQUOR, no_gifts="Texas forbids giving anything away.", no_discounts="Texas forbids coupons.")
    assert guard.of_law(words("A gift for you."), house) == ["Texas forbids giving anything away. Take out “gift”."]
    assert guard.of_law(words("Come by", offer="Ten\n10% off your next bottle"), house)[0].startswith("Texas forbids")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We would be glad to see you and your friends at our shop this week.", "en"),
        ("Nos gustaría verte con tus amigos en la tienda para este fin de semana.", "es"),
        ("Pinot Noir, Riesling, Zinfandel, Merlot, Syrah, Malbec, Rioja, Cava, Port", ""),
        ("Hello", ""),
    ],
)
def test_the_language_of_a_text_is_told_by_its_commonest_words(text: str, language: str) -> None:
    assert guard.language_of(text) == language
    other = {"en": "es", "es": "en"}.get(language)
    if other:
        assert f"is to be in {other} and reads like {language}" in said(text, language=other)


@pytest.mark.parametrize("vertical", ["LIQUOR", "CANNABIS"])
def test_every_text_that_is_shipped_passes(vertical: str) -> None:
    house, offers = House(vertical=vertical), {offer.code: offer for offer in shipped.OFFERS}
    texts = [
        (playbook.subject, playbook.body, offers[code]) for playbook in shipped.PLAYBOOKS for code in playbook.offers
    ]
    texts += [(text["subject"], text["body"], None) for text in (REMINDER, NO_OFFER)]
    for subject, body, offer in texts:
        stated = f"{offer.name}\n{offer.wording}" if offer else ""
        assert guard.findings(words(body, subject, offer=stated), house) == (), subject


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_text_is_too_odd_to_be_judged(body: str, offer: str) -> None:
    for house in (LIQUOR, CANNABIS):
        for finding in guard.findings(words(body, offer=offer), house):
            assert finding.text


def test_every_rule_names_its_source_and_is_written_in_lower_case() -> None:
    for ban in BANS:
        assert ban.source
        assert ban.told.endswith(".")
        assert all(word == word.lower() for word in ban.words)
        assert ban.weight in (Weight.LAW, Weight.WARNING)


# --- Steps and weeks ------------------------------------------------------------------------------------------------


def test_what_the_playbook_says_a_model_may_repeat_but_the_law_holds() -> None:
    own = "Everything half price on Sundays."
    choice = PlaybookChoice("at_risk", ("email",), ("double-points",), subject="Sunday", body=own)
    limits = replace(LIMITS, house=LIQUOR, playbooks={1: choice})
    assert proposals.faults_of_model(step(offer=None, subject="Sunday", body=own), limits) == []
    assert proposals.faults_of_model(step(offer=None, subject="Sunday", body=f"{own} And a prize."), limits)
    choice = replace(choice, body="It cures colds.")
    limits = replace(limits, playbooks={1: choice})
    assert proposals.faults_in_step(step(offer=None, body="It cures colds."), limits)


def test_a_week_that_would_run_into_a_cap_is_refused_with_the_cap() -> None:
    def often(*days: int, most: int, within: int) -> list[str]:
        steps = [step(day=DAYS[day].isoformat(), offer=None, body="Hello") for day in days]
        return faults(*steps, limits=replace(LIMITS, caps=(Cap("email", most, within),)))

    assert often(0, 3, most=1, within=7) == [
        "at_risk would hear 2 times by email within 7 days; your cap is 1.",
    ]
    assert often(0, 3, most=1, within=3) == []
    assert often(0, 2, most=1, within=3)
    assert often(0, 3, most=2, within=7) == []


# --- Plans of a model that does not keep to it ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"body": "This wine cures a cold."}, "No message may promise health"),
        ({"offer": None, "body": "Everything 50% off."}, "“50%”"),
        ({"body": "Go to https://evil.example and log in."}, "links elsewhere"),
        ({"offer": None, "subject": "Hola", "body": "Te esperamos con tus amigos en la tienda para este día."}, "es"),
    ],
)
def test_a_plan_of_such_words_is_not_made(
    regulars: list[Member],
    campaign: Campaign,
    make_plan: Callable[[Campaign], Plan],
    scripted: Any,
    wish: dict[str, Any],
    says: str,
) -> None:
    def bad(question: Any) -> str:
        week = json.loads(RulesModel().answer(question).text)
        return json.dumps({"steps": [one | wish for one in week["steps"]]})

    scripted.answers += [bad, bad]
    plan = make_plan(campaign)
    assert plan.status == Plan.Status.FAILED
    assert says in plan.error
    assert [call.status for call in plan.calls.all()] == ["FAULTY", "FAULTY"]
    assert not plan.steps.exists()


def test_the_built_in_rules_pass_for_every_playbook_that_is_shipped(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan]
) -> None:
    for budget in (None, Decimal(0), Decimal(20)):
        plan = make_plan(make_campaign(budget=budget))
        assert plan.status == Plan.Status.READY, plan.error
        assert plan.calls.get().faults == []


@pytest.mark.parametrize(
    "body",
    [
        "Pain-relief you can taste.",
        "Free-weed for all.",
        "A free pre roll with it.",
        "Cannabis-gratis para ti.",
        "Back-to-school days.",
        "Naturally anti inflammatory.",
        "It relieves your chronic pain.",
        "Made to relieve pain.",
        "It treats your anxiety.",
        "Para aliviar el dolor.",
        "Get-high with us.",
    ],
)
def test_neither_a_dash_nor_another_ending_hides_what_nobody_may_say(body: str) -> None:
    assert guard.of_law(words(body), CANNABIS), body


@pytest.mark.parametrize("body", ["Treat yourself without stress.", "Our staff is highly trained.", "On usual days."])
def test_ordinary_words_stay_ordinary(body: str) -> None:
    assert not guard.of_law(words(body), LIQUOR), body


@pytest.mark.parametrize(
    "body",
    [
        "Keep your points at evil.xyz/login.",
        "See t.me/evil",
        "evil.de",
        "Write to win@evil.xyz",
        "Call +1 212 555 0199",
        "Take 20 off the bill",
        "Buy two, get one",
        "fifty percent off",
        "Everything at 9.99",
        "Half off tonight",
    ],
)
def test_a_model_invents_no_address_and_no_price_however_it_is_written(body: str) -> None:
    assert guard.of_a_model(words(body), LIQUOR), body


def test_a_model_repeats_what_offer_and_claims_state() -> None:
    house = replace(LIQUOR, claims=("Open since 1998",))
    assert not guard.of_a_model(words("Since 1998: 20 points for you.", offer="20 points"), house)


def test_a_model_that_keeps_some_of_the_numbers_a_person_wrote_invents_none() -> None:
    before = words("Doors open at 5, and 12 wines are poured.")
    assert not guard.of_a_model(words("Twelve? 12 wines are poured."), LIQUOR, said_already=[before])
    assert guard.of_a_model(words("All 13 wines are poured."), LIQUOR, said_already=[before])
