"""Blocks become MJML: what a letter says, in what the brand looks like. Liquid is hidden behind marks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatchmethod

from django.utils.translation import gettext

from campaigns.models import BrandKit
from campaigns.rules import content as c
from campaigns.writing import rich
from campaigns.writing.marks import Marks

FONTS = {
    BrandKit.Font.SANS: "-apple-system, BlinkMacSystemFont, 'Segoe UI', Helvetica, Arial, sans-serif",
    BrandKit.Font.SERIF: "Georgia, 'Times New Roman', serif",
    BrandKit.Font.ROUNDED: "'Trebuchet MS', Verdana, sans-serif",
    BrandKit.Font.MONO: "'Courier New', Courier, monospace",
}
SIDE = "32px"
LETTER_WIDTH = 536  # of 600 pixels, without what is kept free at both sides


@dataclass(frozen=True)
class Look:
    """Everything a letter's appearance hangs on. Colours are readable where they are used."""

    kit: BrandKit
    name: str
    logo_url: str
    button: str
    on_button: str
    link: str
    foot: str
    accent: str
    website: str
    address: str
    legal_age: int


@dataclass(frozen=True)
class Occasion:
    """What of the message is known before its member is. `words` is the step's text, Liquid; `picture` an address."""

    language: str
    words: str
    has_offer: bool
    title: str
    pictures: Mapping[str, str]
    channel_words: str
    picture: str = ""
    picture_alt: str = ""


def document(email: c.Email, look: Look, occasion: Occasion, marks: Marks) -> str:
    """The whole letter as MJML."""
    writer = _Writer(look, occasion, marks)
    body = "".join(writer.block(block) for block in email.blocks)
    return (
        f'<mjml lang="{occasion.language}"><mj-head>{writer.head(email)}</mj-head>'
        f'<mj-body background-color="{look.kit.page_colour}" width="600px">'
        f"{writer.header()}"
        f'<mj-wrapper background-color="{look.kit.card_colour}" padding="24px 0" border-radius="8px">'
        f"{body}</mj-wrapper>{writer.footer()}</mj-body></mjml>"
    )


class _Writer:
    def __init__(self, look: Look, occasion: Occasion, marks: Marks) -> None:
        self._look, self._occasion, self._marks = look, occasion, marks

    # --- Around the letter -------------------------------------------------------------------------------------

    def head(self, email: c.Email) -> str:
        look = self._look
        preview = f"<mj-preview>{self._text(email.preheader)}</mj-preview>" if email.preheader else ""
        return (
            f"<mj-title>{self._text(self._occasion.title)}</mj-title>{preview}<mj-attributes>"
            f'<mj-all font-family="{FONTS[BrandKit.Font(look.kit.font)]}" />'
            f'<mj-text padding="0 {SIDE} 6px" font-size="16px" line-height="1.55" color="{look.kit.text_colour}" />'
            f'<mj-section padding="0" /><mj-column padding="0" />'
            f'<mj-image padding="0 {SIDE} 16px" />'
            f'<mj-button padding="8px {SIDE} 24px" inner-padding="13px 22px" font-size="16px" font-weight="600"'
            f' border-radius="{look.kit.corner}px" background-color="{look.button}" color="{look.on_button}" />'
            f'</mj-attributes><mj-style inline="inline">p, ul, ol {{ margin: 0 0 12px; }} a {{ color: {look.link}; }}'
            f" .foot a {{ color: {look.foot}; }}</mj-style>"
        )

    def header(self) -> str:
        look, kit = self._look, self._look.kit
        logo = f'<mj-image src="{look.logo_url}" alt="{self._text(look.name)}" width="120px" align="center" />'
        name = (
            f'<mj-text align="center" font-size="20px" font-weight="700" color="{look.accent}"'
            f' padding="0 {SIDE} 12px">{self._text(look.name)}</mj-text>'
        )
        shows_logo = bool(look.logo_url) and kit.header in (kit.Header.LOGO, kit.Header.BOTH)
        # Many mail programs hide pictures: a header of the logo alone has its alternative text, and none says nothing.
        shows_name = kit.header in (kit.Header.NAME, kit.Header.BOTH) or (
            kit.header == kit.Header.LOGO and not shows_logo
        )
        parts = (logo if shows_logo else "") + (name if shows_name else "")
        space = '<mj-spacer height="24px" />'
        return _section(space + parts)

    def footer(self) -> str:
        """Who writes, why, and how to stop it. The law asks for these; no template can leave them out."""
        look = self._look
        leave, choose, view = gettext("Unsubscribe"), gettext("Choose what you get"), gettext("View in browser")
        lines = [
            self._occasion.channel_words,
            f'<a href="{self._marks.mark("{{ url.unsubscribe }}")}">{self._text(leave)}</a> · '
            f'<a href="{self._marks.mark("{{ url.preferences }}")}">{self._text(choose)}</a> · '
            f'<a href="{self._marks.mark("{{ url.view }}")}">{self._text(view)}</a>',
        ]
        if look.kit.footer:
            lines.append(self._text(look.kit.footer).replace("\r\n", "\n").replace("\n", "<br />"))
        if look.website:
            lines.append(f'<a href="{self._text(look.website)}">{self._text(_shown(look.website))}</a>')
        if look.address:
            lines.append(f"{self._text(look.name)}, {self._text(look.address)}")
        lines.append(self._text(look.kit.legal_line or _legal_line(look.legal_age)))
        return _section(
            f'<mj-text css-class="foot" font-size="13px" color="{look.foot}" padding="20px {SIDE} 32px">'
            f"{'<br />'.join(lines)}</mj-text>"
        )

    # --- Blocks ------------------------------------------------------------------------------------------------

    @singledispatchmethod
    def block(self, block: c.Block) -> str:
        raise AssertionError(f"No block is called {block.type}")

    @block.register
    def _(self, block: c.Heading) -> str:
        level, size = ("h1", "26px") if block.size == "large" else ("h2", "19px")
        return _section(f"<mj-text>{_title(level, size, self._text(block.text), block.align)}</mj-text>")

    @block.register
    def _(self, block: c.Text) -> str:
        return _section(f'<mj-text align="{block.align}">{self._rich(block.text)}</mj-text>')

    @block.register
    def _(self, block: c.Words) -> str:
        return _section(f"<mj-text>{self._rich(self._occasion.words)}</mj-text>")

    @block.register
    def _(self, block: c.Button) -> str:
        return _section(self._button(block.label, block.link, block.align))

    @block.register
    def _(self, block: c.Offer) -> str:
        if not self._occasion.has_offer:
            return ""
        name, wording = self._marks.mark("{{ offer.name }}"), self._marks.mark("{{ offer.wording }}")
        return _section(
            f'<mj-text align="center" padding="16px {SIDE} 4px">{_title("h2", "24px", name, "center")}</mj-text>'
            f'<mj-text align="center" padding="0 {SIDE} 12px">{wording}</mj-text>'
            + self._button(block.label, "offer", "center")
        )

    @block.register
    def _(self, block: c.Points) -> str:
        text = block.text or gettext("You have {{ member.points }} points.")
        return _section(
            f'<mj-text align="center" font-size="20px" font-weight="600" padding="8px {SIDE} 8px">'
            f"{self._text(text)}</mj-text>" + self._button(block.label or gettext("Open your card"), "card", "center")
        )

    @block.register
    def _(self, block: c.Picture) -> str:
        width = f"{round(LETTER_WIDTH * block.width / 100)}px"
        return _section(self._picture(block.media, block.alt, block.link, width))

    @block.register
    def _(self, block: c.StepPicture) -> str:
        occasion = self._occasion
        if not occasion.picture:
            return ""
        alt = self._text(occasion.picture_alt)
        return _section(f'<mj-image src="{occasion.picture}" alt="{alt}" width="{LETTER_WIDTH}px" />')

    @block.register
    def _(self, block: c.PictureAndText) -> str:
        picture = self._picture(block.media, block.alt, block.link if block.label else "", "236px")
        words = f"{self._small_title(block.title)}<mj-text>{self._rich(block.text)}</mj-text>"
        if block.label:
            words += self._button(block.label, block.link)
        if not picture:
            return _section(words)
        halves = (f'<mj-column width="50%" vertical-align="middle">{half}</mj-column>' for half in (picture, words))
        direction = "ltr" if block.side == "left" else "rtl"
        return f'<mj-section direction="{direction}">{"".join(halves)}</mj-section>'

    @block.register
    def _(self, block: c.Products) -> str:
        """Each product is a whole table inside a loop: what parses the letter must find nothing between rows."""
        mark = self._marks.mark
        begin = mark(f"{{% for pick in picks limit: {block.most} %}}")
        colour = self._look.kit.text_colour
        name, price, end = mark("{{ pick.name }}"), mark("{{ pick.price }}"), mark("{% endfor %}")
        row = (
            '<table role="presentation" width="100%" style="border-bottom:1px solid #e5e7eb"><tr>'
            f'<td style="padding:10px 0;color:{colour}">{name}</td>'
            f'<td align="right" style="padding:10px 0;font-weight:600;color:{colour}">{price}</td></tr></table>'
        )
        title = block.title or gettext("Picked for you")
        return _section(f"{self._small_title(title)}<mj-text>{begin}{row}{end}</mj-text>")

    @block.register
    def _(self, block: c.Divider) -> str:
        return _section(f'<mj-divider border-width="1px" border-color="#d1d5db" padding="8px {SIDE} 24px" />')

    @block.register
    def _(self, block: c.Space) -> str:
        return _section(f'<mj-spacer height="{block.height}px" />')

    @block.register
    def _(self, block: c.Social) -> str:
        kit = self._look.kit
        found = [("Instagram", kit.instagram), ("Facebook", kit.facebook), ("TikTok", kit.tiktok)]
        links = " · ".join(f'<a href="{self._text(url)}">{name}</a>' for name, url in found if url)
        return _section(f'<mj-text align="center">{links}</mj-text>') if links else ""

    @block.register
    def _(self, block: c.Mjml) -> str:
        return self._marks.hide(block.source)

    # --- Pieces ------------------------------------------------------------------------------------------------

    def _button(self, label: str, link: str, align: str = "left") -> str:
        shown = label or (gettext("See your offer") if self._occasion.has_offer else gettext("See your points"))
        return f'<mj-button align="{align}" href="{self._href(link)}">{self._text(shown)}</mj-button>'

    def _picture(self, media: str, alt: str, link: str, width: str) -> str:
        source = self._occasion.pictures.get(media)
        if source is None:
            return ""
        href = f' href="{self._href(link)}"' if link else ""
        return f'<mj-image src="{source}" alt="{self._text(alt)}" width="{width}"{href} />'

    def _small_title(self, text: str) -> str:
        return f'<mj-text padding="0 {SIDE} 8px">{_title("h2", "19px", self._text(text))}</mj-text>' if text else ""

    def _text(self, text: str) -> str:
        return self._marks.escaped(text)

    def _rich(self, text: str) -> str:
        html = rich.to_html(self._marks.hide(text))
        for place in c.PLACES:
            html = html.replace(f'href="{place}"', f'href="{self._href(place)}"')
        return html

    def _href(self, link: str) -> str:
        if link in c.PLACES:
            return self._marks.mark(f"{{{{ url.{link} }}}}")
        return self._text(link)


def _title(level: str, size: str, text: str, align: str = "left") -> str:
    style = f"margin:0;font-size:{size};line-height:1.25;font-weight:700;text-align:{align}"
    return f'<{level} style="{style}">{text}</{level}>'


def _section(content: str) -> str:
    return f"<mj-section><mj-column>{content}</mj-column></mj-section>"


def _legal_line(age: int) -> str:
    return gettext("For adults of %(age)s and older. Please enjoy responsibly.") % {"age": age}


def _shown(url: str) -> str:
    return url.removeprefix("https://").removeprefix("http://").rstrip("/")
