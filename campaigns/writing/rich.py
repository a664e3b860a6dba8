"""The little formatting that texts of messages may use, as HTML: **bold**, *italic*, [label](address), lists."""

from markdown_it import MarkdownIt

# HTML that somebody wrote is shown as they wrote it, and lines end where they ended: nothing is taken for code.
_MARKDOWN = MarkdownIt("zero", {"html": False, "linkify": True, "breaks": True, "xhtmlOut": True}).enable(
    ["emphasis", "link", "linkify", "list", "newline"]
)


def to_html(text: str) -> str:
    """Paragraphs and lists as XHTML. `text` holds marks in the place of Liquid."""
    html: str = _MARKDOWN.render(text.replace("\t", " "))
    return html
