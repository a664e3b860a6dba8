"""A sheet of product codes to print and cut: a QR code that any phone's camera opens, and the letters to type."""

import io
from collections.abc import Sequence

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = LETTER
COLUMNS, ROWS = 4, 6
MARGIN = 12 * mm
CELL_WIDTH, CELL_HEIGHT = (WIDTH - 2 * MARGIN) / COLUMNS, (HEIGHT - 2 * MARGIN) / ROWS
QR_SIDE = 27 * mm
# One of the eight patterns a reader undoes. Trying them all for the prettiest takes nine tenths of the time.
MASK = 0


def sheet(texts: Sequence[str], *, title: str, shop: str, address: str) -> bytes:
    """A PDF on Letter paper, 24 codes a page. A QR code holds `address` followed by the text."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=LETTER, pageCompression=1)
    canvas.setTitle(f"{shop}: {title}")
    for number, text in enumerate(texts):
        row, column = divmod(number % (COLUMNS * ROWS), COLUMNS)
        if number and row == column == 0:
            canvas.showPage()
        corner = (MARGIN + column * CELL_WIDTH, HEIGHT - MARGIN - (row + 1) * CELL_HEIGHT)
        _label(canvas, corner, text, title=title, address=address)
    canvas.save()
    return file.getvalue()


def _label(canvas: Canvas, corner: tuple[float, float], text: str, *, title: str, address: str) -> None:
    """One code in its cell, with hairlines to cut along."""
    left, bottom = corner
    middle = left + CELL_WIDTH / 2
    canvas.setStrokeGray(0.8)
    canvas.setLineWidth(0.3)
    canvas.rect(left, bottom, CELL_WIDTH, CELL_HEIGHT)
    _qr(canvas, f"{address}{text}", middle - QR_SIDE / 2, bottom + CELL_HEIGHT - QR_SIDE - 2 * mm)
    canvas.setFillGray(0)
    canvas.setFont("Courier-Bold", 7)
    canvas.drawCentredString(middle, bottom + 8 * mm, text[:14])
    canvas.drawCentredString(middle, bottom + 5.2 * mm, text[15:])
    canvas.setFont("Helvetica", 6)
    line = simpleSplit(title, "Helvetica", 6, CELL_WIDTH - 4 * mm)[:1]
    canvas.drawCentredString(middle, bottom + 2 * mm, line[0] if line else "")


def _qr(canvas: Canvas, content: str, left: float, bottom: float) -> None:
    """Drawn as runs of dark modules: much smaller and faster than reportlab's rectangle for each."""
    code = QrCodeWidget(content, barLevel="M").qr
    code.version = code.calculate_version()
    code.makeImpl(False, MASK)
    count = code.getModuleCount()
    path = canvas.beginPath()
    for row in range(count):
        start = None
        for column in range(count + 1):
            is_dark = column < count and code.isDark(row, column)
            if is_dark and start is None:
                start = column
            elif not is_dark and start is not None:
                path.rect(start, count - 1 - row, column - start, 1)
                start = None
    canvas.saveState()
    canvas.translate(left, bottom)
    canvas.scale(QR_SIDE / count, QR_SIDE / count)
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()
