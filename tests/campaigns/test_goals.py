"""What the built-in rules read in a goal, and what follows from it in the week."""

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from campaigns.ai.audience import NOT_IN_GOAL
from campaigns.models import Campaign, Plan, PlanStep
from campaigns.rules import conditions
from campaigns.rules.goals import AIMS, CLEAR, FIRST, GROUPS, OFTEN, THANK, WIN_BACK, told, understand
from integrations.llm import rules
from integrations.llm.base import ModelUnavailable
from integrations.llm.rules import plan_week
from loyalty.actions.segments import create_segment
from loyalty.models import Member, Score, Segment, User
from tests.campaigns.test_campaign_pages import text_of
from tests.campaigns.world import Shop

CATALOGUE = [
    "AMERICAN VODKAS", "BEER", "CANADIAN WHISKIES", "Edibles", "Flower", "RED WINE", "STRAIGHT BOURBON WHISKIES",
    "WHITE WINE",
]  # fmt: skip
WINES = ["RED WINE", "WHITE WINE"]


@pytest.mark.parametrize(
    ("goal", "aims", "named", "categories"),
    [
        ("Win back lapsed customers with wine", [WIN_BACK], [], WINES),
        ("Win back who used to come often", [WIN_BACK], [], []),
        ("WINNING PEOPLE BACK", [WIN_BACK], [], []),
        ("Recuperar a los clientes que ya no vienen, con vino tinto", [WIN_BACK], [], ["RED WINE"]),
        ("Que vuelvan los socios perdidos", [WIN_BACK], ["lost"], []),
        ("Thank our best customers", [THANK], [], []),
        ("Agradecer a nuestros mejores clientes su fidelidad", [THANK], [], []),
        ("Push our best-selling beer", [], [], ["BEER"]),
        ("Welcome the new ones", [FIRST], ["new"], []),
        ("Get first-time buyers to a second purchase", [FIRST], [], []),
        ("Dar la bienvenida a los clientes nuevos", [FIRST], ["new"], []),
        ("Show our new arrivals", [], [], []),
        ("Bring regulars in more often, on quiet days", [OFTEN], ["loyal"], []),
        ("Que vengan más a menudo", [OFTEN], [], []),
        ("Clear old stock of white wine", [CLEAR], [], ["WHITE WINE"]),
        ("Liquidar las existencias de flores y comestibles", [CLEAR], [], ["Edibles", "Flower"]),
        ("Make it clear that we care", [], [], []),
        ("At-risk members: at risk of leaving, who love vodka", [], ["at_risk"], ["AMERICAN VODKAS"]),
        ("Sell more bourbon", [], [], ["STRAIGHT BOURBON WHISKIES"]),
        ("A whiskey week for champions", [], ["champions"], ["CANADIAN WHISKIES", "STRAIGHT BOURBON WHISKIES"]),
        ("A red letter day for American shoppers", [], [], []),
        ("Raise revenue by 10 %", [], [], []),
        ("Turn one-time buyers into regulars", [FIRST], [], []),
        ("Convertir a los clientes nuevos en clientes habituales", [FIRST], ["new"], []),
        ("Welcome back everybody after the renovation", [], [], []),
        # Returning is of people, and clearing takes a verb.
        ("Celebrate our return to Main Street", [], [], []),
        ("Return to our usual volume", [], [], []),
        ("Volver a nuestro volumen habitual", [], [], []),
        ("Get customers to return", [WIN_BACK], [], []),
        ("Our summer menu is coming back", [], [], []),
        ("Keep them coming back", [WIN_BACK], [], []),
        ("Come back and see us", [WIN_BACK], [], []),
        ("Members who have not returned", [WIN_BACK], [], []),
        ("Make them return for beer", [WIN_BACK], [], ["BEER"]),
        ("Hasten our customers' return", [WIN_BACK], [], []),
        ("Celebrate the return of our customers", [WIN_BACK], [], []),
        ("Hacer volver a los clientes", [WIN_BACK], [], []),
        ("Invitar a los socios a regresar", [WIN_BACK], [], []),
        ("Keep the stock of red wine", [], [], ["RED WINE"]),
        ("Show our stock of beer", [], [], ["BEER"]),
        ("Sell the beer we have in stock", [], [], ["BEER"]),
        ("Mantener las existencias de cerveza", [], [], ["BEER"]),
        ("Sell off the old beer", [CLEAR], [], ["BEER"]),
        ("Reduce our winter stock", [CLEAR], [], []),
        ("Get rid of the old stock", [CLEAR], [], []),
        ("Empty the shelves", [CLEAR], [], []),
        ("Vender las existencias de cerveza", [CLEAR], [], ["BEER"]),
        # What only sounds like a negation.
        ("Write to those who no longer buy beer", [], [], ["BEER"]),
        ("Not only champions", [], ["champions"], []),
        ("Those we can't lose", [], ["cannot_lose"], []),
        ("Los que no podemos perder", [], ["cannot_lose"], []),
        ("Clientes inactivos que no compran vino tinto", [WIN_BACK], [], ["RED WINE"]),
        ("", [], [], []),
    ],
)
def test_a_goal_is_read_by_its_words(goal: str, aims: list[str], named: list[str], categories: list[str]) -> None:
    read = understand(goal, categories=CATALOGUE)
    assert (list(read.aims), list(read.named), list(read.categories)) == (aims, named, categories)
    assert set(read.groups) == {*named, *(group for aim in aims for group in AIMS[aim].groups)}


@pytest.mark.parametrize(
    ("goal", "about", "excluded"),
    [
        ("Do not write to lost customers", [], ["lost"]),
        ("Don’t write to lost customers; sell wine", WINES, ["lost"]),
        ("Sell wine, not to lost customers", WINES, ["lost"]),
        ("Sell wine (never beer) to champions", ["champions", *WINES], ["BEER"]),
        ("Win back lapsed customers without clearing stock", [WIN_BACK], [CLEAR]),
        ("No lost customers, but champions", ["champions"], ["lost"]),
        ("Not lost customers but champions", ["champions"], ["lost"]),
        ("Everybody except new customers", [], [FIRST, "new"]),
        ("Sell wine to everybody but champions", WINES, ["champions"]),
        ("Tell of wine all but our champions", WINES, ["champions"]),
        ("Write to everyone but lapsed customers", [], list(AIMS[WIN_BACK].groups)),
        ("Anything other than beer: wine", WINES, ["BEER"]),
        ("Beer instead of wine", ["BEER"], WINES),
        ("Wine, but no white wine", ["RED WINE"], ["WHITE WINE"]),
        ("The shop doesn't thank champions. Sell beer", ["BEER"], [THANK, "champions"]),
        ("Win back members\nNo lost members\nBeer", [WIN_BACK, "BEER"], ["lost"]),
        ("Champions, and not champions at risk", [], ["champions", "at_risk"]),
        ("No escribir a los clientes perdidos", [], ["lost"]),
        ("Vender vino tinto, nunca a clientes nuevos", ["RED WINE"], [FIRST, "new"]),
        ("Recuperar clientes sin liquidar existencias", [WIN_BACK], [CLEAR]),
        ("Todos excepto los campeones", [], ["champions"]),
        ("Cerveza para todos salvo clientes perdidos", ["BEER"], ["lost"]),
        ("Todo menos cerveza", [], ["BEER"]),
        ("No a los clientes perdidos sino a los campeones", ["champions"], ["lost"]),
        ("Sin cerveza pero con vino tinto", ["RED WINE"], ["BEER"]),
    ],
)
def test_what_stands_behind_a_not_is_what_a_goal_is_not_about(goal: str, about: list[str], excluded: list[str]) -> None:
    read = understand(goal, categories=CATALOGUE)
    assert [*read.aims, *read.named, *read.categories] == about
    assert [*read.excluded.aims, *read.excluded.groups, *read.excluded.categories] == excluded
    assert not set(read.groups) & set(read.excluded.groups)


@pytest.mark.parametrize(
    ("goal", "is_for_all"),
    [
        ("Write to everyone, not just champions", True),
        ("Thank all our customers", True),
        ("Avisar a todos los clientes", True),
        ("Win back all lapsed customers", False),
        ("Win back everybody who stayed away", False),
        ("Bring everyone back", False),
    ],
)
def test_a_goal_for_everybody_leaves_out_nobody_for_the_groups_it_names(goal: str, is_for_all: bool) -> None:
    read = understand(goal)
    assert all(read.is_about(group) for group in GROUPS) == is_for_all


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=5))
def test_any_goal_can_be_read_in_any_shop(goal: str, categories: list[str]) -> None:
    assert set(understand(goal, categories=categories).categories) <= set(categories)


def test_every_group_that_a_goal_can_be_about_is_one() -> None:
    about = {group for aim in AIMS.values() for group in aim.groups}
    assert about | set(GROUPS) <= set(Score.Group.values)
    assert rules.CLEAR == CLEAR


def test_people_are_told_what_was_understood_and_what_was_not() -> None:
    labels = dict(Score.Group.choices)
    read = understand("Win back at risk members with red wine", categories=CATALOGUE)
    assert told(read.as_facts(), labels) == (
        "Understood of the goal: win back; at risk; red wine. The built-in rules read no more of it."
    )
    read = understand("Sell red wine, but not to lost customers", categories=CATALOGUE)
    assert told(read.as_facts(), labels) == (
        "Understood of the goal: red wine; not lost. The built-in rules read no more of it."
    )
    of_before = {name: value for name, value in read.as_facts().items() if name != "excluded"}
    assert told(of_before, labels) == "Understood of the goal: red wine. The built-in rules read no more of it."
    assert told(understand("Sell").as_facts(), labels).startswith("The built-in rules understood nothing")


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("Sell wine, not on Monday", ["no messages on Monday"]),
        ("Sell wine; only by email", ["by email"]),
        (
            "Win back with wine without discounts, on Friday and Saturday",
            ["messages on Friday and Saturday", "no offers"],
        ),
        ("Send on the weekend", ["messages on Saturday and Sunday"]),
        ("Send nothing on Sundays", ["no messages on Sunday"]),
        ("no emails on Sunday", ["no messages on Sunday"]),
        ("never on Sunday or Monday", ["no messages on Monday or Sunday"]),
        ("Write to champions by email and push", ["by email and push"]),
        ("by SMS instead of email", ["by SMS", "not by email"]),
        ("Skip Monday", ["no messages on Monday"]),
        ("No text messages, no free gifts", ["not by SMS", "no offers"]),
        ("Solo por correo, no los lunes", ["no messages on Monday", "by email"]),
        ("Enviar los viernes, sin ofertas", ["messages on Friday", "no offers"]),
        ("Nothing on weekdays", ["no messages on Monday, Tuesday, Wednesday, Thursday or Friday"]),
        # When somebody comes, and whom no email is about, is something else.
        ("More visits on Tuesdays", []),
        ("No more quiet Mondays", []),
        ("Win back who does not come on Mondays", []),
        ("No email about wine to champions", []),
        ("Email champions about wine", []),
        ("Promote our gift cards", []),
    ],
)
def test_a_goal_may_say_on_which_days_by_which_channels_and_without_offers(goal: str, said: list[str]) -> None:
    read = understand(goal, categories=CATALOGUE).as_facts()
    assert conditions.told(read["conditions"]) == said
    assert all(part in told(read, dict(Score.Group.choices)) for part in said)


@pytest.mark.parametrize(
    "word", ["text messages ", "the ", "send ", "monday, ", "and offers ", "please ", "by ", "only "]
)
@pytest.mark.parametrize("begins", ["no ", "send on monday ", "by email ", ""])
def test_no_goal_takes_long_to_read_however_often_it_repeats_itself(begins: str, word: str) -> None:
    goal = (begins + word * 500)[:999] + "x"
    assert understand(goal, categories=CATALOGUE).groups == ()


# --- What follows from it -------------------------------------------------------------------------------------------


def week(goal: str) -> list[dict[str, Any]]:
    """Of three groups: the champions with most at stake, the lost with least, the promising who buy beer."""
    texts = {"plain": ("Hello", "Come by."), "wine": ("About wine", "We have wine."), "back": ("Come back", "Please.")}
    playbooks = [
        {
            "id": number, "group": group, "channels": ["email"], "offers": ["cheap", "wine", "dear"],
            "subject": texts[text][0], "body": f"{texts[text][1]}\n\nYou get {{{{ offer.wording }}}}.",
        }
        for number, (group, text) in enumerate(
            [(group, text) for group in ("champions", "lost", "promising") for text in texts], start=1
        )
    ]  # fmt: skip
    offers = {"cheap": ("1.00", "a point"), "wine": ("2.00", "a glass of wine"), "dear": ("3.00", "a gift")}
    read = understand(goal, categories=["WINE", "BEER"])
    return plan_week(
        {
            "days": [f"2026-03-{day}" for day in range(23, 30)],
            "hours": [8, 20],
            "budget": None,
            "groups": [
                {
                    "group": group, "stake": stake, "usual_weekday": 5, "usual_hour": 18, "reachable": {"email": 9},
                    "members": 10, "bought": {name: number for name in read.categories if name == favourite},
                }
                for group, stake, favourite, number in (
                    ("champions", 100, "WINE", 4), ("promising", 50, "BEER", 8), ("lost", 0, "CIDER", 9),
                )
            ],
            "playbooks": playbooks,
            "offers": [{"code": code, "cost": cost} for code, (cost, _) in offers.items()],
            "understood": read.as_facts()
            | {
                "playbooks": {str(each["id"]): read.fits(each["subject"], each["body"]) for each in playbooks},
                "offers": {code: read.fits(wording) for code, (_, wording) in offers.items()},
            },
        }
    )["steps"]  # fmt: skip


@pytest.mark.parametrize(
    ("goal", "order", "subject", "offer"),
    [
        ("Earn more", ["champions", "promising", "lost"], "Hello", "cheap"),
        ("Win back the lapsed", ["lost", "champions", "promising"], "Come back", "cheap"),
        ("Sell beer", ["promising", "champions", "lost"], "Hello", "cheap"),
        ("Sell wine", ["champions", "promising", "lost"], "About wine", "wine"),
        ("Clear our stock", ["champions", "promising", "lost"], "Hello", "dear"),
        ("Welcome new customers", ["promising", "champions", "lost"], "Hello", "cheap"),
        ("Do not write to champions", ["promising", "lost", "champions"], "Hello", "cheap"),
        ("Win back the lapsed, but not lost customers", ["champions", "promising", "lost"], "Come back", "cheap"),
        ("Sell wine, not to champions", ["promising", "lost", "champions"], "About wine", "wine"),
        ("Keep the stock of cider", ["champions", "promising", "lost"], "Hello", "cheap"),
    ],
)
def test_groups_playbooks_and_offers_follow_the_goal(goal: str, order: list[str], subject: str, offer: str) -> None:
    steps = week(goal)
    assert [step["group"] for step in steps] == order
    assert {(step["subject"], step["offer"]) for step in steps} == {(subject, offer)}


def test_the_week_keeps_to_the_days_and_offers_that_the_goal_leaves() -> None:
    days = {step["day"] for step in week("Win back, not on Monday, send only on Monday, Friday or Sunday")}
    assert days <= {"2026-03-27", "2026-03-29"}
    assert {step["offer"] for step in week("Sell beer, no discounts")} == {None}


@pytest.mark.parametrize(
    ("goal", "error"),
    [
        ("Sell beer, nothing on weekdays or on weekends", "The goal leaves no day of Monday, March 23, to Sunday"),
        ("Sell beer, only by SMS", "Nobody is reached by the channels that the goal leaves"),
        ("Sell beer, no emails", "Nobody is reached by the channels that the goal leaves"),
    ],
)
def test_a_goal_that_leaves_no_day_or_nobody_to_write_to_is_answered_with_what_to_change(goal: str, error: str) -> None:
    with pytest.raises(ModelUnavailable, match=error):
        week(goal)


def test_reasons_say_what_the_goal_has_to_do_with_it_and_name_no_hour() -> None:
    reasons = [step["reason"] for step in week("Win back the lapsed with beer")]
    assert reasons == [
        "The goal is about them: they come before others.",
        "8 of the group's 10 bought beer, which the goal names, within a year.",
        "They come by what is at stake with them.",
    ]


def test_the_reason_of_a_group_the_goal_leaves_out_says_so() -> None:
    last = week("Sell wine, not to champions")[-1]
    assert (last["group"], last["reason"]) == ("champions", "The goal says it is not about them: they come last.")


def test_the_plan_says_what_was_understood_of_its_goal(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan],
    marketer: User, client_of: Callable[[User], Client], now: dt.datetime,
) -> None:  # fmt: skip
    plan = make_plan(make_campaign(goal="Recuperar clientes con vino, y algo más"))
    assert plan.facts["understood"]["categories"] == ["WINE"]
    first = plan.steps.order_by("day")[0]
    assert first.group in AIMS[WIN_BACK].groups
    page = text_of(client_of(marketer).get(f"/staff/campaigns/{plan.campaign.public_id}/"))
    assert "Understood of the goal: win back; wine. The built-in rules read no more of it." in page


def test_a_goal_that_names_a_category_tells_how_many_of_the_audience_buy_it_and_how_to_write_to_them_alone(
    shop: Shop, regulars: list[Member], everybody: Segment, make_campaign: Callable[..., Campaign],
    make_plan: Callable[[Campaign], Plan], marketer: User, client_of: Callable[[User], Client],
) -> None:  # fmt: skip
    shop.sell(*((member, 30, "12.00") for member in regulars[:3]), category="BEER")
    shop.sell((regulars[3], 400, "12.00"), (regulars[4], 20, "-12.00"), category="BEER")
    plan = make_plan(make_campaign(goal="Sell more beer", holdout_percent=0))
    assert plan.facts["understood"]["bought"] == {"BEER": 3}

    client = client_of(marketer)
    week = client.get(f"/staff/campaigns/{plan.campaign.public_id}/")
    assert f"3 of the {plan.audience_size} bought beer within a year" in text_of(week)
    (offered,) = re.findall(r'href="([a-z/]+segments/new/\?[^"]+)"', week.content.decode())
    assert "3 of 20 members now" in text_of(client.get(html.unescape(offered)))


def test_the_week_says_so_when_none_of_its_messages_speaks_of_what_the_goal_names(
    shop: Shop, regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan],
    marketer: User, client_of: Callable[[User], Client],
) -> None:  # fmt: skip
    shop.sell((regulars[0], 30, "12.00"), category="BEER")
    plan, client = make_plan(make_campaign(goal="Sell more beer")), client_of(marketer)
    week = f"/staff/campaigns/{plan.campaign.public_id}/"
    assert "No message speaks of beer" in text_of(client.get(week))
    step = plan.steps.all()[0]
    PlanStep.objects.filter(pk=step.pk).update(subject="The beers are in")
    assert "No message speaks of" not in text_of(client.get(week))


# --- Whom a campaign that follows its goal writes to ----------------------------------------------------------------


def groups_of(plan: Plan) -> set[str]:
    return set(plan.candidates.values_list("group", flat=True))


def test_a_campaign_that_follows_its_goal_writes_to_nobody_else_and_says_how_many_that_leaves_out(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan],
    marketer: User, client_of: Callable[[User], Client],
) -> None:  # fmt: skip
    to_all = make_plan(make_campaign(goal="Win back lapsed customers"))
    assert not groups_of(to_all) <= set(AIMS[WIN_BACK].groups)
    plan = make_plan(make_campaign(goal="Win back lapsed customers", follows_goal=True))
    assert groups_of(plan)
    assert groups_of(plan) <= set(AIMS[WIN_BACK].groups)
    others = plan.excluded[NOT_IN_GOAL]
    assert others == to_all.audience_size - plan.audience_size
    assert sum(plan.excluded.values()) + plan.audience_size == len(regulars)
    page = text_of(client_of(marketer).get(f"/staff/campaigns/{plan.campaign.public_id}/"))
    assert f"Only groups that the goal is about are in it; {others} other members of its segments" in page


def test_a_group_that_the_goal_leaves_out_hears_nothing(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan]
) -> None:
    everywhere = groups_of(make_plan(make_campaign(goal="Earn more")))
    assert "champions" in everywhere
    plan = make_plan(make_campaign(goal="Earn more, but not from champions", follows_goal=True))
    assert groups_of(plan) == everywhere - {"champions"}


def test_a_goal_about_nobody_in_the_segments_leaves_the_choice_to_them(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan],
    marketer: User, now: dt.datetime,
) -> None:  # fmt: skip
    rule = {"field": "score.group", "is": "one_of", "value": ["champions"]}
    champions = create_segment(name="Only champions", description="", rule={"all": [rule]}, by=marketer, now=now)
    plan = make_plan(make_campaign(goal="Win back lapsed customers", segments=[champions], follows_goal=True))
    assert groups_of(plan) == {"champions"}
    assert NOT_IN_GOAL not in plan.excluded


def test_who_is_left_out_in_so_many_words_is_left_out_even_where_nobody_remains(
    regulars: list[Member], make_campaign: Callable[..., Campaign], make_plan: Callable[[Campaign], Plan],
    marketer: User, now: dt.datetime,
) -> None:  # fmt: skip
    rule = {"field": "score.group", "is": "one_of", "value": ["champions"]}
    champions = create_segment(name="Only champions", description="", rule={"all": [rule]}, by=marketer, now=now)
    for goal in ("Earn more, but not from champions", "Win back lapsed customers, not champions"):
        plan = make_plan(make_campaign(goal=goal, segments=[champions], follows_goal=True))
        assert plan.status == Plan.Status.FAILED
        assert NOT_IN_GOAL.lower() in plan.error


def test_a_new_campaign_follows_its_goal_unless_somebody_says_otherwise(
    everybody: Segment, marketer: User, client_of: Callable[[User], Client], now: dt.datetime
) -> None:
    client = client_of(marketer)
    assert re.search(r'name="follows_goal"[^>]*checked', client.get("/staff/campaigns/new/").text)
    asked = {
        "name": "Spring", "goal": "Win back", "starts_on": "2030-03-01", "ends_on": "2030-03-07",
        "segments": everybody.pk, "audience_limit": 300, "holdout_percent": 0,
    }  # fmt: skip
    client.post("/staff/campaigns/new/", asked)
    assert not Campaign.objects.get().follows_goal
    client.post(f"/staff/campaigns/{Campaign.objects.get().public_id}/edit/", asked | {"follows_goal": "on"})
    assert Campaign.objects.get().follows_goal
