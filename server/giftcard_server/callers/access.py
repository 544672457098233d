"""Who is let in: the certificates and the callers, as their files are now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from giftcard_server.callers.callers import Callers
from giftcard_server.callers.certificates import Certificates, Files
from giftcard_server.errors import SettingsError, StartRefusedError
from giftcard_server.recurring import Recurring

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_server.callers.settings import CallerSettings

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0


class Access:
    """What decides who gets in; `reloading` keeps it new. Raises `StartRefusedError`.

    `reread` reads the settings anew; of those that it returns, the callers are taken.
    """

    def __init__(
        self, settings: CallerSettings, reread: Callable[[], CallerSettings] | None
    ) -> None:
        asks = settings.tls_client_ca is not None
        self.callers = Callers(settings.callers if asks else None)
        self.certificates: Certificates | None = None
        if settings.tls_certificate is not None and settings.tls_key is not None:
            files = Files(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
            self.certificates = Certificates(files)
        self.reloading = Recurring("access", self.reload, LOOK_SECONDS, ())
        # Where nobody is asked for a certificate, there are no callers to read anew.
        self._reread = reread if asks else None
        self._left: dict[str, str] = {}

    def reload(self) -> None:
        """Take what has changed at rest; what is not sound, or not whole yet, is left for later."""
        if self.certificates is not None:
            self._take(self.certificates.reload, otherwise="certificates left as they were")
        if self._reread is not None:
            reread = self._reread
            self._take(
                lambda: self.callers.replace(reread().callers),
                otherwise="callers left as they were",
            )

    def _take(self, take: Callable[[], None], *, otherwise: str) -> None:
        """Take something anew; where that is refused, say so once, and why."""
        try:
            take()
        except (SettingsError, StartRefusedError) as error:
            why = str(error)
            if why != self._left.get(otherwise):
                log.warning(otherwise, why=why)
            self._left[otherwise] = why
        else:
            self._left.pop(otherwise, None)
