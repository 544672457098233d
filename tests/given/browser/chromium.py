"""Debian's chromium, headless and without a network, driven by selenium."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final, Self

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

NEEDED: Final = ("chromium", "chromedriver")
MISSING: Final = [name for name in NEEDED if shutil.which(name) is None]
WHY_SKIPPED: Final = f"needs {', '.join(MISSING)}: apt-get install chromium chromium-driver"
HEIGHT: Final = 900
# Lets nothing in but what is in the page, and says what was asked for.
ASKED_FOR: Final = "return performance.getEntriesByType('resource').map(each => each.name)"
# Everything that reaches beyond the page to the right or is wider than its own box.
OVERFLOWING: Final = """
const wide = document.documentElement.clientWidth;
return [...document.body.querySelectorAll('*')]
  .filter(each => getComputedStyle(each).display !== 'none')
  .filter(each => each.getBoundingClientRect().right > wide + 1
    || each.getBoundingClientRect().left < -1
    || each.scrollWidth > Math.ceil(each.getBoundingClientRect().width) + 1)
  .map(each => `${each.tagName}.${each.className}`);
"""


class Chromium:
    """One browser; pages are shown one after the other."""

    def __init__(self) -> None:
        options = ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for argument in (
            "--headless=new",
            "--no-sandbox",  # Tests run as root, in containers.
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--host-resolver-rules=MAP * ~NOTFOUND",  # Nothing is loaded from anywhere.
        ):
            options.add_argument(argument)
        self._driver = Chrome(options, Service(shutil.which("chromedriver")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.quit()

    def show(self, page: Path, *, width: int, dark: bool) -> None:
        """Show a file in a window so many pixels wide, in light or dark mode."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._command("Emulation.setEmulatedMedia", features=scheme)
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=HEIGHT,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._driver.get(page.as_uri())

    def run(self, script: str) -> Any:
        """Run a script in the page, and return what it returns."""
        return self._driver.execute_script(script)

    def picture(self) -> str:
        """Return the whole page as a PNG in base64."""
        size = self._command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self._command("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return str(shot["data"])

    @property
    def driver(self) -> Chrome:
        """The driver, for axe."""
        return self._driver

    def _command(self, command: str, **parameters: object) -> Any:
        return self._driver.execute_cdp_cmd(command, parameters)
