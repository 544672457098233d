"""Which callers are admitted: the certificates and the callers, as their files are now."""

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
    """Certificates and callers; `reloading` reads them again. Raises `StartRefusedError`.

    `reread` reads the settings again, of which only the callers are used. None: they never change.
    """

    def __init__(
        self, settings: CallerSettings, reread: Callable[[], CallerSettings] | None
    ) -> None:
        is_mutual = settings.tls_client_ca is not None
        self.callers = Callers(settings.callers if is_mutual else None)
        self.certificates: Certificates | None = None
        if settings.tls_certificate is not None and settings.tls_key is not None:
            files = Files(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
            self.certificates = Certificates(files)
        self.reloading = Recurring("access", self.reload, LOOK_SECONDS, ())
        # Without mutual TLS there are no callers to read again.
        self._reread = reread if is_mutual else None
        # Why each of the two was not replaced the last time, by the event that was logged.
        self._logged: dict[str, str] = {}

    def reload(self) -> None:
        """Use what has changed in the files; what is invalid or incomplete is tried next time."""
        if self.certificates is not None:
            self._replace(self.certificates.reload, otherwise="certificates not replaced")
        if self._reread is not None:
            reread = self._reread
            self._replace(
                lambda: self.callers.replace(reread().callers),
                otherwise="callers not replaced",
            )

    def _replace(self, replace: Callable[[], None], *, otherwise: str) -> None:
        """Call `replace`. Where it refuses, log `otherwise` and why, once for each reason."""
        try:
            replace()
        except (SettingsError, StartRefusedError) as error:
            why = str(error)
            if why != self._logged.get(otherwise):
                log.warning(otherwise, why=why)
            self._logged[otherwise] = why
        else:
            self._logged.pop(otherwise, None)
