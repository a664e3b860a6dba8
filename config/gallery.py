"""Every component in every state on one page, for those who build pages and for the accessibility test. DEBUG only."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
RIGHT_TO_LEFT = "مرحبا بكم في برنامج الولاء الخاص بنا للعملاء الدائمين"
TONES = ("success", "warning", "danger", "info", "neutral", "accent")


class ExampleForm(forms.Form):
    """One field of each kind. Bound to nothing it shows itself empty, bound to `{}` with its errors."""

    name = forms.CharField(help_text="Shown to members on receipts.")
    email = forms.EmailField(required=False)
    goal = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))
    segment = forms.ChoiceField(choices=[("", "Choose a segment"), ("champions", "Champions"), ("at-risk", "At risk")])
    start_date = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    channels = forms.MultipleChoiceField(
        choices=[("email", "Email"), ("sms", "Text message")], widget=forms.CheckboxSelectMultiple
    )
    pace = forms.ChoiceField(choices=[("calm", "Calm"), ("eager", "Eager")], widget=forms.RadioSelect, required=False)
    code = forms.CharField(initial="AUTUMN-24", disabled=True)
    has_read_terms = forms.BooleanField(label="These people agreed to hear from us")


class FileForm(forms.Form):
    file = forms.FileField(label="Purchases as CSV", widget=forms.FileInput(attrs={"accept": ".csv,.txt"}))


@login_required
def gallery(request: HttpRequest) -> HttpResponse:
    context = {
        "tones": TONES,
        "long_word": LONG_WORD,
        "right_to_left": RIGHT_TO_LEFT,
        "names": ("Ada Lovelace", "Grace Hopper", "Mary Jackson", "Katherine Johnson", "Hedy Lamarr", LONG_WORD),
        "form": ExampleForm(),
        "faulty_form": _faulty_form(),
        "file_form": FileForm(),
        "charts": _charts(),
        "page": Paginator(range(1, 1205), 50).page(2),
        "steps": ("Upload", "Match columns", "Check", "Import"),
        "events": _events(),
        "facts": _facts(),
        "tabs": _tabs(),
        "selects": [
            {"name": "state", "label": "State", "value": "draft", "options": [("draft", "Draft"), ("sent", "Sent")]}
        ],
        "menu": _menu(),
        "week": _week(),
    }
    return render(request, "gallery.html", context)


def _faulty_form() -> ExampleForm:
    form = ExampleForm({"email": "not an address"}, auto_id="faulty_%s")
    form.add_error(None, "The campaign ends before it starts. Choose a later end.")
    return form


def _charts() -> list[dict[str, Any]]:
    revenue = [12_400, 11_850, 13_900, 14_200, 15_800, 15_100, 17_300, 18_050, 16_900, 19_400, 22_100, 27_600]
    returning = [round(value * 0.38) for value in revenue]
    months = list(MONTHS)
    return [
        {"id": "chart-area", "title": "Revenue by month", "kind": "area", "labels": months, "format": "money",
         "series": [{"name": "All members", "values": revenue}, {"name": "Returning members", "values": returning}]},
        {"id": "chart-bar", "title": "Orders by weekday", "kind": "bar", "labels": list(WEEKDAYS),
         "series": [{"name": "Orders", "values": [210, 190, 240, 310, 520, 610, 280]}]},
        {"id": "chart-stacked", "title": "Sends by outcome", "kind": "bar", "labels": list(WEEKDAYS), "stacked": True,
         "series": [{"name": "Opened", "values": [40, 42, 39, 51, 60, 31, 22]},
                    {"name": "Delivered", "values": [90, 88, 97, 102, 120, 75, 60]},
                    {"name": "Failed", "values": [2, 0, 4, 1, 3, 0, 1]}]},
        {"id": "chart-bars", "title": "Members by group", "kind": "bars",
         "labels": ["Champions", "Loyal", "Potential loyalists", "New", "At risk", "Lost"],
         "series": [{"name": "Members", "values": [182, 264, 311, 96, 143, 402]}]},
        {"id": "chart-donut", "title": "Revenue by category", "kind": "donut", "format": "money",
         "labels": ["Whiskey", "Wine", "Beer", "Gin", "Other"],
         "series": [{"name": "Revenue", "values": [41_200, 38_900, 22_400, 11_050, 6_300]}]},
        {"id": "chart-funnel", "title": "From sent to bought", "kind": "funnel",
         "labels": ["Sent", "Delivered", "Opened", "Clicked", "Bought"],
         "series": [{"name": "Members", "values": [300, 291, 164, 58, 21]}]},
        {"id": "chart-heatmap", "title": "Members who came back", "kind": "heatmap", "format": "percent",
         "labels": [f"Month {month}" for month in range(6)],
         "series": [{"name": f"{month} 2026",
                     "values": [round(0.62 ** age, 2) if age < 6 - row else None for age in range(6)]}
                    for row, month in enumerate(MONTHS[:6])]},
        {"id": "chart-intervals", "title": "What campaigns brought", "kind": "intervals", "format": "percent",
         "labels": ["Spring", "Summer", "Wine week"],
         "series": [{"name": "More orders", "values": [0.12, 0.04, -0.02]},
                    {"name": "At least", "values": [0.05, -0.03, -0.11]},
                    {"name": "At most", "values": [0.19, 0.11, 0.07]}]},
        {"id": "chart-none", "title": "Redemptions", "kind": "line", "labels": [], "series": [],
         "empty": "The first redemption starts this line."},
    ]  # fmt: skip


def _events() -> list[dict[str, Any]]:
    at = now()
    return [
        {"title": "Bought for $64.20", "text": "3 bottles in Main Street", "icon": "shopping-bag", "tone": "success",
         "at": at - timedelta(minutes=12), "url": "#order"},
        {"title": "Opened “We miss you”", "icon": "mail-opened", "tone": "info", "at": at - timedelta(hours=5)},
        {"title": "Email refused", "text": f"The server said: {LONG_WORD}", "icon": "mail-off", "tone": "danger",
         "at": at - timedelta(days=9)},
        {"title": "Joined", "icon": "user-plus", "at": at - timedelta(days=420)},
    ]  # fmt: skip


def _facts() -> list[dict[str, Any]]:
    return [
        {"label": "Email", "value": "ada@example.com", "url": "mailto:ada@example.com"},
        {"label": "Phone", "value": "•••• 4417"},
        {"label": "Home store", "value": "Main Street", "url": "#store"},
        {"label": "Birthday", "value": None},
        {"label": "Note", "value": LONG_WORD},
    ]


def _tabs() -> list[dict[str, Any]]:
    return [
        {"label": "Overview", "url": "#overview", "is_active": True},
        {"label": "Orders", "url": "#orders", "count": 1204},
        {"label": "Sends", "url": "#sends", "count": 0},
        {"label": "Segments", "url": "#segments"},
        {"label": "Consents", "url": "#consents"},
        {"label": "History", "url": "#history"},
    ]


def _menu() -> list[dict[str, Any]]:
    return [
        {"label": "Edit", "url": "#edit", "icon": "pencil"},
        {"label": "Copy", "url": "#copy", "icon": "copy"},
        {"divider": True},
        {"label": "Cancel campaign", "dialog": "gallery-confirm", "icon": "ban", "tone": "danger"},
    ]


def _week() -> list[dict[str, Any]]:
    offers = [
        [_offer("At risk", "We miss you: $10 off", "warning", 41)],
        [_offer("Champions", "First taste of the new malt", "success", 18), _offer("New", "Double points", "info", 63)],
        [],
        [_offer("Loyal", "Weekend wine flight", "accent", 1)],
        [_offer(LONG_WORD, RIGHT_TO_LEFT, "neutral", 0)],
        [_offer("Cannot lose", "A call from the manager", "danger", 7)],
        [],
    ]
    return [
        {"weekday": weekday, "date": f"Nov {16 + day}", "actions": actions, "count": len(actions) or "",
         "is_past": day < 2, "is_today": day == 2}
        for day, (weekday, actions) in enumerate(zip(WEEKDAYS, offers, strict=True))
    ]  # fmt: skip


def _offer(title: str, detail: str, tone: str, size: int) -> dict[str, Any]:
    return {"title": title, "detail": detail, "tone": tone, "size": size, "icon": "mail", "url": "#offer"}
