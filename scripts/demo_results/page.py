"""The page that a newcomer opens first: what was compared, the table, the pictures, and how to go on."""

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: white }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { line-height: 1.2 } h2 { margin-top: 2.5rem }
table { border-collapse: collapse }
td, th { padding: .25rem 1rem; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left } tr.faint { color: #6b6b6b }
img { max-width: 100%; height: auto; border: 1px solid #e5e5e5; background: white }
pre { background: #f4f4f4; padding: .75rem 1rem; overflow-x: auto }
"""


def render_page(
    title: str,
    story: Sequence[str],
    table: Sequence[Sequence[str]],
    pictures: Mapping[str, tuple[str, str]],
    commands: str,
    *,
    num_lines: int,
) -> str:
    """Return the page as HTML; it needs nothing but the pictures beside it.

    Args:
        title: of the page.
        story: paragraphs.
        table: header and rows; the last ``num_lines`` are what is compared, the others what to compare with.
        pictures: heading -> file name and what it shows.
        commands: what to type next.
        num_lines: see ``table``.
    """
    header, *rows = table
    faint = len(rows) - num_lines
    body = [f"<h1>{escape(title)}</h1>", *(f"<p>{escape(text)}</p>" for text in story)]
    body += ["<table>", _row("th", header)]
    body += [_row("td", row, is_faint=number < faint) for number, row in enumerate(rows)]
    body.append("</table>")
    for heading, (file, text) in pictures.items():
        body += [
            f"<h2>{escape(heading)}</h2>",
            f"<p>{escape(text)}</p>",
            f'<a href="{escape(file)}"><img src="{escape(file)}" alt="{escape(heading)}"></a>',
        ]
    body += ["<h2>How to go on</h2>", f"<pre>{escape(commands)}</pre>"]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _row(cell: str, texts: Sequence[str], *, is_faint: bool = False) -> str:
    cells = "".join(f"<{cell}>{escape(text)}</{cell}>" for text in texts)
    return f'<tr class="faint">{cells}</tr>' if is_faint else f"<tr>{cells}</tr>"
