"""The report on any number of arms, from any assignment file."""

import csv
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from campaigns.models import ArmsReport
from campaigns.rules import arms, effects, sayings
from campaigns.rules.arms import BadFile
from loyalty.models import User

URL = "/staff/campaigns/arms/"
# Student's sleep data, and a third arm of the second's values less one: Welch's answers as R prints them.
FIRST = ["0.7", "-1.6", "-0.2", "-1.2", "-0.1", "3.4", "3.7", "0.8", "0.0", "2.0"]
SECOND = ["1.9", "0.8", "1.1", "0.1", "-0.1", "4.4", "5.5", "1.6", "4.6", "3.4"]


def lines_of(**outcomes: list[str]) -> list[str]:
    rows = [(arm, value) for arm, values in outcomes.items() for value in values]
    return ["member,arm,hours", *(f"{number},{arm},{value}" for number, (arm, value) in enumerate(rows))]


def test_means_of_three_arms_are_compared_as_by_welch_and_adjusted_by_holm():
    third = [f"{float(value) - 1:.1f}" for value in SECOND]
    (hours,) = arms.report(arms.read(lines_of(control=FIRST, drug=SECOND, half=third)), "control")
    control, drug, half = hours.arms
    assert (control.arm, control.units, control.difference) == ("control", 10, None)
    assert control.mean == 0.75
    assert control.rate == 0.5
    assert drug.difference
    assert half.difference
    assert drug.difference.value == pytest.approx(1.58)
    assert (drug.difference.low, drug.difference.high) == pytest.approx((-0.2054832, 3.3654832), abs=1e-6)
    assert drug.difference.p == pytest.approx(2 * 0.07939414, abs=1e-7)
    assert half.difference.value == pytest.approx(0.58)
    assert half.difference.p > drug.difference.p


def test_outcomes_of_yes_and_no_are_compared_as_proportions():
    """Newcombe's first example, 56 of 70 against 48 of 80."""
    yes, no = ["1"] * 56 + ["0"] * 14, ["1"] * 48 + ["0"] * 32
    (bought,) = arms.report(arms.read(lines_of(holdout=no, email=yes)), "holdout")
    assert bought.is_share
    assert bought.arms[1].difference
    found = bought.arms[1].difference
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=0.00005)


def test_large_amounts_that_differ_little_are_told_apart_exactly():
    """What a sum of squares in floating point would swallow: a spread of one beside a billion."""
    base = [1_000_000_000, 1_000_000_001, 1_000_000_002]
    table = arms.read(lines_of(control=[f"{n}.10" for n in base], email=[f"{n + 5}.10" for n in base]))
    (outcome,) = arms.report(table, "control")
    found = outcome.arms[1].difference
    assert found
    assert (found.value, found.high - found.value) == pytest.approx((5, 2.2669), abs=1e-4)
    again = arms.report(arms.Table.of_json(table.as_json()), "control")
    assert again == [outcome]


def test_an_arm_with_too_few_people_says_so_and_how_many_would_do():
    """Twenty buyers are expected in the smaller arm of means, five in that of proportions: those of sample_sizes."""
    table = arms.read(lines_of(control=["1.5", "0"] * 100, few=["2.5", "0.5", "0"], none=["0"] * 100))
    (found,) = arms.report(table, "control")
    few, none = found.others
    assert (few.verdict, few.is_told, few.enough) == (effects.TOO_FEW, False, 40)  # 20 / (102 of 203)
    assert none.verdict == effects.LESS
    (found,) = arms.report(arms.read(lines_of(control=["0"] * 100, email=["0"] * 100)), "control")
    assert (found.others[0].verdict, found.others[0].enough) == (effects.TOO_FEW, None)


def test_a_report_is_told_in_plain_words_with_money_as_money():
    revenue = lines_of(A=["1.00", "3.00"] * 50, B=["4.00", "6.20"] * 50, C=["1.00", "3.00", "0"])
    (found,) = arms.report(arms.read([revenue[0].replace("hours", "revenue"), *revenue[1:]]), "A")
    assert found.is_money
    said = [sayings.said_of_arm(found, arm, show=lambda value: f"${value:.2f}") for arm in found.others]
    assert said == [
        "B earned $3.10 more per member than A; that is beyond chance.",
        "C: not enough data, 3 people in C, and about 21 would do.",
    ]
    (bought,) = arms.report(arms.read(lines_of(A=["1", "0"] * 50, B=["1", "0"] * 48 + ["1"] * 4)), "A")
    said = [sayings.said_of_arm(bought, arm, show=lambda value: f"{value:.0%}") for arm in bought.others]
    assert said == ["Hours: 52% of the members of B, 50% of A, which could be chance."]


@pytest.mark.parametrize(
    ("name", "is_money"), [("revenue", True), ("net_margin", True), ("amount eur", True), ("orders", False)]
)
def test_amounts_of_money_are_known_by_the_name_of_their_column(name: str, is_money: bool):
    lines = lines_of(control=["1.5", "2"], email=["3", "4"])
    (found,) = arms.report(arms.read([lines[0].replace("hours", name), *lines[1:]]), "control")
    assert found.is_money == is_money


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([], "No column says who"),
        (["member,orders", "1,2"], "No column says the arm: call it arm. The first line names member, orders"),
        (["member,arm", "1,a"], "one to 20 columns of numbers"),
        (["member,arm,orders,orders"], "the same name"),
        (["member,arm,orders", "1,a,2", "1,b,3"], "Line 3: member 1 was told before"),
        (["member,arm,orders", "1,a,2", "2,,3"], "Line 3: arm is empty"),
        (["member,arm,orders", "1,a,many"], "Line 2: “many” in orders is no number"),
        (["member,arm,orders", "1,a,nan"], "Line 2: “nan” in orders is no number"),
        (["member,arm,orders", "1,a,2", "2,a,3"], "two arms at least"),
        (
            ["member,arm,revenue", "1,a,$1,234.50", "2,b,3"],
            "Line 2: 4 values for 3 columns. Put quotes",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(lines: list[str], fault: str):
    with pytest.raises(BadFile, match=fault):
        arms.read(lines)


def test_files_of_other_spreadsheets_are_read_too():
    table = arms.read(["\ufeffCustomer;Group;Revenue", '"A;1";x;12.5', "", "B;y;"])
    assert table.units == {"x": 1, "y": 1}
    assert table.tallies["x"]["revenue"].total == 12.5


def test_the_control_is_guessed_by_its_name_or_asked_for():
    table = arms.read(lines_of(Control=["1"], email=["2"]))
    assert arms.control_in(table, "") == "Control"
    assert arms.control_in(table, "email") == "email"
    with pytest.raises(BadFile, match="There are x, y: say which"):
        arms.control_in(arms.read(lines_of(x=["1"], y=["2"])), "")


def test_a_split_that_went_wrong_is_told_before_any_result():
    table = arms.read(lines_of(control=["0"] * 600, email=["0"] * 400))
    assert arms.chance_of(table, arms.planned_split(table, "")) < arms.DOUBTFUL_SPLIT
    assert arms.chance_of(table, arms.planned_split(table, "control 60, email 40")) == 1
    with pytest.raises(BadFile, match="leaves out email"):
        arms.planned_split(table, "control 60")


def upload(client: Client, text: str, **more: Any) -> Any:
    file = SimpleUploadedFile("arms.csv", text.encode())
    return client.post(URL, {"file": file, "name": "Mail or text", **more})


def test_a_file_becomes_a_report_that_is_kept_listed_and_told_as_csv(
    db: None, client_of: Callable[[User], Client], marketer: User
):
    client = client_of(marketer)
    rows = [f"{n},{('control', 'email', 'sms')[n % 3]},{n % 2},{n % 7}.50" for n in range(300)]
    assert "is no number" in upload(client, "member,arm,orders\n1,control,x\n").content.decode()
    answer = upload(client, "\n".join(["member,arm,bought,revenue", *rows]))
    report = ArmsReport.objects.get()
    assert answer["Location"] == f"{URL}{report.public_id}/"
    assert "Mail or text" in client.get(URL).content.decode()
    page = client.get(answer["Location"]).content.decode()
    assert "That is as planned." in page
    assert "No arm differs from control in revenue by more than chance would make." in page
    assert "email earned $" in page
    text = b"".join(client.get(f"{answer['Location']}?format=csv").streaming_content).decode()  # type: ignore[attr-defined]
    told = list(csv.DictReader(text.splitlines()))
    assert [(row["Outcome"], row["Arm"], row["Members"]) for row in told][:3] == [
        ("bought", "control", "100"), ("bought", "email", "100"), ("bought", "sms", "100"),
    ]  # fmt: skip
    assert (told[1]["Unit"], told[1]["A member"]) == ("percent, differences in percentage points", "50.0")
    assert told[4]["Unit"] == "USD"
    assert '"1"' not in str(report.table)  # nobody's number is kept


def test_the_exact_figures_of_arms_too_small_to_tell_anything_stand_in_the_details_and_in_the_csv(
    db: None, client_of: Callable[[User], Client], marketer: User
):
    client = client_of(marketer)
    answer = upload(client, "member,arm,revenue\n1,control,10.00\n2,control,20.00\n3,a,45.00\n4,a,5.00\n5,b,7.50\n")
    page = client.get(answer["Location"]).content.decode()
    assert "There is not enough data yet" in page
    assert '<td data-label="Difference" class="number">$10.00</td>' in page
    text = b"".join(client.get(f"{answer['Location']}?format=csv").streaming_content).decode()  # type: ignore[attr-defined]
    told = {row["Arm"]: row for row in csv.DictReader(text.splitlines())}
    assert (float(told["a"]["Difference"]), told["a"]["Result"]) == (10.0, "Not enough data")
    assert (told["b"]["Difference"], told["b"]["At least"]) == ("-7.5", "")  # one member has no spread


def test_viewers_read_reports_and_make_none(db: None, client_of: Callable[[User], Client], viewer: User):
    client = client_of(viewer)
    assert client.get(URL).status_code == 200
    assert upload(client, "member,arm,orders\n1,control,1\n2,email,1\n").status_code == 403


def test_amounts_are_read_as_tills_write_them_and_nothing_is_guessed():
    head, rows = "member,arm,revenue", ['1,control,"$1,000.50"', "2,control,£20", '3,email,"-1,234"', "4,email,"]
    tally = arms.read([head, *rows]).tallies
    assert (tally["control"]["revenue"].total, tally["email"]["revenue"].total) == (Decimal("1020.50"), Decimal(-1234))
    for doubtful in ('"1.000,50"', '"1,5"', '"12,34,567"', "1e5x"):
        with pytest.raises(BadFile, match=r"is no number. Write it like 1234.50."):
            arms.read([head, f"1,control,{doubtful}"])


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1,000 €", 1000), ("£ 20.5", 20.5), ("$-5.00", -5), ("-$5", -5), ("₹1,000,000", 1_000_000)],
)
def test_a_sign_of_currency_may_stand_on_either_side(written: str, meant: float):
    table = arms.read(["member,arm,revenue", f'1,control,"{written}"', "2,email,1"])
    assert table.tallies["control"]["revenue"].total == Decimal(str(meant))


@pytest.mark.parametrize("written", ["50¢", "$5$", "$1.000,50", "1.000,50 €", "(5.00)"])
def test_what_is_no_plain_amount_is_refused_with_how_to_write_it(written: str):
    with pytest.raises(BadFile, match=r"Line 2: “.+” in revenue is no number. Write it like 1234.50."):
        arms.read(["member,arm,revenue", f'1,control,"{written}"', "2,email,1"])


def test_between_semicolons_a_mark_that_may_part_thousands_or_decimals_is_asked_about():
    head = "member;arm;revenue"
    table = arms.read([head, "1;control;$1,000.50", "2;control;1,000,000", "3;email;0.125", "4;email;€20"])
    assert [str(table.tallies[arm]["revenue"].total) for arm in table.units] == ["1001000.50", "20.125"]
    for doubtful in ("1,000", "1.000", "-€1.000", "1,000 €"):
        sign = "-" if "-" in doubtful else ""
        with pytest.raises(BadFile, match=rf"may mean {sign}1000 or {sign}1\.0000\. Write it as one of these\."):
            arms.read([head, f"1;control;{doubtful}"])
    assert arms.read([head, "1;a;1.0000", "2;b;1000"]).tallies["a"]["revenue"].total == 1


def test_a_difference_of_shares_is_in_percentage_points(db: None, client_of: Callable[[User], Client], marketer: User):
    rows = [f"{n},{('control', 'email')[n % 2]},{int(n % 20 < (4 if n % 2 else 2))}" for n in range(2000)]
    page = client_of(marketer).get(upload(client_of(marketer), "\n".join(["member,arm,bought", *rows]))["Location"])
    assert "More than control, in points" in page.text
    assert '<td data-label="More than control, in points" class="number">10</td>' in page.text


def test_a_report_is_deleted_by_those_who_may_make_one(
    db: None, client_of: Callable[[User], Client], marketer: User, viewer: User
):
    kept = upload(client_of(marketer), "member,arm,orders\n1,control,1\n2,email,1\n")["Location"]
    assert client_of(viewer).post(f"{kept}delete/").status_code == 403
    assert "Delete this report?" not in client_of(viewer).get(kept).text
    assert "Delete this report?" in client_of(marketer).get(kept).text
    assert client_of(marketer).post(f"{kept}delete/", follow=True).status_code == 200
    assert not ArmsReport.objects.exists()
    assert LogEntry.objects.filter(action=LogEntry.Action.DELETE, object_repr="Mail or text").exists()


def test_less_than_a_cent_is_no_difference(db: None, client_of: Callable[[User], Client], marketer: User):
    rows = [f"{n},{('control', 'email')[n % 2]},{n // 2 % 5}.00" for n in range(1000)]
    rows += ["1000,email,2.00", "1001,control,1.99"]
    page = client_of(marketer).get(upload(client_of(marketer), "\n".join(["member,arm,revenue", *rows]))["Location"])
    assert "email had as much revenue per member as control." in page.text
    assert "-$0.00" not in page.text
