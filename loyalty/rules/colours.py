"""Readable text for any accent colour. Contrast as WCAG 2.2 defines it (relative luminance, ratio 1 to 21)."""

# The darkest light surface and the lightest dark one of static/css/regulars.css: what is read there is read everywhere.
LIGHT_PAGE, DARK_PAGE = "#f1f1f3", "#1f2024"
ENOUGH = 4.5


def contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: str) -> str:
    """Black or white, whichever reads better on `background`."""
    return max("#ffffff", "#000000", key=lambda text: contrast(text, background))


def readable_against(colour: str, background: str) -> str:
    """`colour`, moved towards black or white only as far as it takes to be read on `background`."""
    target = readable_on(background)
    for step in range(51):
        mixed = _mix(colour, target, step / 50)
        if contrast(mixed, background) >= ENOUGH:
            return mixed
    return target


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
