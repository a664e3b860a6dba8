"""What a new template may begin with. Plain Python."""

from dataclasses import dataclass

from campaigns.rules import content as c


@dataclass(frozen=True)
class Starter:
    name: str
    about: str
    icon: str
    content: c.Content


STARTERS = {
    "letter": Starter(
        "Plain letter",
        "The words of the message, then one button. Feels like a note from a person.",
        "mail",
        c.Content(email={"en": c.Email(blocks=[c.StepPicture(), c.Words(), c.Button()])}),
    ),
    "offer": Starter(
        "Offer",
        "The words, the offer in large letters, and what each member has already.",
        "discount",
        c.Content(email={"en": c.Email(blocks=[c.StepPicture(), c.Words(), c.Offer(), c.Divider(), c.Points()])}),
    ),
    "picked": Starter(
        "Picked for you",
        "The words, then three products of the category each member likes best.",
        "bottle",
        c.Content(email={"en": c.Email(blocks=[c.StepPicture(), c.Words(), c.Products(), c.Button(align="center")])}),
    ),
    "newsletter": Starter(
        "Newsletter",
        "Says everything itself, in English and Spanish: a heading, news, picked products, and where you are found.",
        "news",
        c.Content(
            email={
                "en": c.Email(
                    subject="New at {{ store.name }} this week",
                    preheader="What came in, and what we would open first",
                    blocks=[
                        c.Heading(text="New at {{ store.name }}"),
                        c.Text(
                            text="Hello {{ member.first_name }},\n\nhere is what came in this week:\n\n"
                            "- The first thing\n- The second thing\n\nCome by and ask us about them."
                        ),
                        c.Products(),
                        c.Points(),
                        c.Social(),
                    ],
                ),
                "es": c.Email(
                    subject="Novedades en {{ store.name }}",
                    preheader="Lo que llegó, y lo que abriríamos primero",
                    blocks=[
                        c.Heading(text="Novedades en {{ store.name }}"),
                        c.Text(
                            text="Hola, {{ member.first_name }}:\n\nesto llegó esta semana:\n\n"
                            "- Lo primero\n- Lo segundo\n\nPase por la tienda y pregúntenos."
                        ),
                        c.Products(),
                        c.Points(),
                        c.Social(),
                    ],
                ),
            }
        ),
    ),
    "back": Starter(
        "We miss you",
        "Says everything itself: a short letter to who has not been in for a while, with their points.",
        "heart-handshake",
        c.Content(
            email={
                "en": c.Email(
                    subject="{{ member.first_name }}, your points are waiting",
                    preheader="You have {{ member.points }} points",
                    blocks=[
                        c.Heading(text="It has been a while"),
                        c.Text(
                            text="Hello {{ member.first_name }},\n\nwe have not seen you lately. Your points are still "
                            "here, and so are we."
                        ),
                        c.Points(),
                        c.Offer(),
                    ],
                )
            },
            sms={"en": c.TextMessage(text="{{ member.first_name }}, you have {{ member.points }} points with us.")},
        ),
    ),
}
