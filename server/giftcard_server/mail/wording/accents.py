"""How the designs of a card look in an e-mail (R4): colours, and an ornament without an image.

A market names its designs freely; one that is not in the table looks like the default. A test
holds the contrast of every pair of colours that text is written in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Accent:
    """The look of a design. Colours are #rrggbb.

    `ornament` is a CSS `background` that is drawn on a band of the card, 96 pixels high, where no
    text stands. A mail program that does not know gradients shows the `face` alone.
    """

    face: str  # The card itself.
    ink: str  # Text on the card.
    strong: str  # Buttons and links on white; white stands on it.
    strong_in_dark: str  # Buttons and links in dark mode; near-black stands on it.
    ornament: str


def _dots(*dots: tuple[str, int, int, int], size: str = "120px 96px") -> str:
    """Return dots (colour, left and top in percent, radius in pixels), repeated from `size` on."""
    gradients = (
        f"radial-gradient(circle at {left}% {top}%, {colour} {radius}px,"
        f" transparent {radius + 1}px) 0 0 / {size}"
        for colour, left, top, radius in dots
    )
    return ", ".join(gradients)


def _rings(colour: str, *centres: int) -> str:
    """Return rings, each with its centre so many percent from the left."""
    ring = f"transparent 29px, {colour} 30px, {colour} 33px, transparent 34px"
    return ", ".join(f"radial-gradient(circle at {left}% 56%, {ring})" for left in centres)


DEFAULT: Final = Accent(
    face="#12211c",
    ink="#ffffff",
    strong="#0a6b4b",
    strong_in_dark="#74dcb3",
    ornament=(
        "repeating-linear-gradient(115deg, #2ec590 0 14px, #12211c 14px 26px, #1b6f54 26px 34px,"
        " #12211c 34px 58px)"
    ),
)

ACCENTS: Final[dict[str, Accent]] = {
    "classic": DEFAULT,
    "birthday": Accent(
        face="#4b1d73",
        ink="#ffffff",
        strong="#6b2aa3",
        strong_in_dark="#d6b0f7",
        ornament=_dots(
            ("#ffd23f", 12, 26, 6),
            ("#ff6b9d", 34, 68, 8),
            ("#5ce1e6", 58, 22, 5),
            ("#ffffff", 78, 54, 4),
            ("#ff9f43", 92, 82, 7),
            ("#9ef01a", 8, 84, 4),
        ),
    ),
    "christmas": Accent(
        face="#0d3b2e",
        ink="#ffffff",
        strong="#a3201d",
        strong_in_dark="#ffb0a6",
        ornament=_dots(
            ("#ffffff", 16, 22, 3),
            ("#ffffff", 46, 58, 5),
            ("#e63946", 72, 26, 7),
            ("#ffffff", 88, 72, 3),
            ("#f1c453", 24, 82, 5),
            size="132px 96px",
        ),
    ),
    "congratulations": Accent(
        face="#0b2f6b",
        ink="#ffffff",
        strong="#0b4bb3",
        strong_in_dark="#a5c8ff",
        ornament=(
            "radial-gradient(circle at 50% 116%, #ffd23f 40px, transparent 41px),"
            " repeating-conic-gradient(at 50% 116%, #f5b700 0deg 6deg, #0b2f6b 6deg 15deg)"
        ),
    ),
    "thank_you": Accent(
        face="#7c2414",
        ink="#ffffff",
        strong="#a3361f",
        strong_in_dark="#ffb9a5",
        ornament=(
            "repeating-radial-gradient(circle at 0% 100%, #ff8f6b 0 9px, #7c2414 9px 24px,"
            " #ffd0a8 24px 29px, #7c2414 29px 46px)"
        ),
    ),
    "wedding": Accent(
        face="#f5ecdd",
        ink="#43351c",
        strong="#755413",
        strong_in_dark="#ecd194",
        ornament=_rings("#b8892b", 46, 54),
    ),
}


def accent_of(design: str) -> Accent:
    """Return the look of a design; of one that is not in the table, the default."""
    return ACCENTS.get(design, DEFAULT)
