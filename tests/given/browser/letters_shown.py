"""Letters in a real browser: whether something overflows, what axe-core finds, and pictures.

`python -m given.browser.letters_shown FOLDER` writes the pictures of docs/email/.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axe_core_python.selenium import Axe

from giftcard_rules.deliveries import DeliveryKind
from giftcard_server.mail.made_up import made_up
from given.browser.chromium import OVERFLOWING, Chromium
from given.mail.read_letters import renderer

if TYPE_CHECKING:
    from giftcard_server.mail.letter import Letter


class Picture(NamedTuple):
    """A picture of the documentation."""

    kind: DeliveryKind
    locale: str
    design: str
    width: int
    dark: bool

    @property
    def file(self) -> str:
        """The name of its file."""
        mode = "dark" if self.dark else "light"
        return f"{self.kind.value}-{self.locale}-{self.design}-{self.width}-{mode}.png"


PICTURES: Final = (
    Picture(DeliveryKind.CARD, "fr", "birthday", 360, dark=False),
    Picture(DeliveryKind.CARD, "en", "wedding", 360, dark=True),
    Picture(DeliveryKind.CARD, "fr", "classic", 1200, dark=False),
    Picture(DeliveryKind.CONFIRMATION, "fr", "congratulations", 360, dark=False),
    Picture(DeliveryKind.REPLACEMENT, "en", "thank_you", 360, dark=False),
    Picture(DeliveryKind.CANCELLATION, "fr", "classic", 360, dark=True),
    Picture(DeliveryKind.REMINDER, "fr", "christmas", 360, dark=False),
)


class Shown(NamedTuple):
    """What a browser says of a letter."""

    overflowing: list[str]
    violations: list[str]  # Of axe-core, each with the element it is about.


class Window:
    """A browser, and a folder for the pages that it shows."""

    def __init__(self, browser: Chromium, folder: Path) -> None:
        self._browser = browser
        self._page = folder / "letter.html"

    def show(self, letter: Letter, *, width: int, dark: bool) -> None:
        """Show the HTML part of a letter."""
        parts = renderer().parts_of(letter)
        self._page.write_text(renderer().html_of(parts), encoding="utf-8")
        self._browser.show(self._page, width=width, dark=dark)

    def judged(self) -> Shown:
        """Return what overflows in the letter that is shown, and what axe-core finds."""
        found: dict[str, Any] = Axe().run(self._browser.driver)
        # What axe cannot decide about contrast counts as found: text stands on no picture.
        undecided = [each for each in found["incomplete"] if each["id"] == "color-contrast"]
        violations = [
            f"{each['id']}: {node['html']}"
            for each in (*found["violations"], *undecided)
            for node in each["nodes"]
        ]
        return Shown(self._browser.run(OVERFLOWING), violations)

    def picture(self) -> bytes:
        """Return the whole letter that is shown as a PNG."""
        return base64.b64decode(self._browser.picture())


def _draw(folder: Path) -> None:
    with Chromium() as browser, TemporaryDirectory() as pages:
        window = Window(browser, Path(pages))
        for each in PICTURES:
            letter = made_up(each.kind, locale=each.locale, design=each.design)
            window.show(letter, width=each.width, dark=each.dark)
            (folder / each.file).write_bytes(window.picture())


if __name__ == "__main__":
    _draw(Path(sys.argv[1]))
