"""Settings of the markets: their terms, and how their messages leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from giftcard_rules.terms import Market
from giftcard_server.mail_settings import (
    MailSettings,
    MailWay,
    Sender,
    ShopSettings,
    mail_mistakes,
    sender_of,
)
from giftcard_server.markets import BUILT_IN, MarketSettings, market_of


def _fitting_markets(markets: dict[str, MarketSettings]) -> dict[str, MarketSettings]:
    mistakes = []
    for name, market in markets.items():
        try:
            market_of(name, market)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return markets


MarketName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class MarketsSettings(MailSettings, BaseModel):
    """The `[markets.xx]` tables, which add markets or override them, and the relay."""

    model_config = ConfigDict(frozen=True)

    # Whether it must be said how each market is mailed; most commands mail nobody.
    must_choose_mail: ClassVar[bool] = False

    mail: MailWay | None = None
    """How messages leave in each market that does not say it itself. Absent: `folder` on the
    embedded database and loopback; elsewhere it has to be said."""
    markets: Annotated[dict[MarketName, MarketSettings], AfterValidator(_fitting_markets)] = {}
    """The tables `[markets.xx]`, see below. They add markets, or override terms of the built-in
    `fr`."""

    @property
    def known_markets(self) -> dict[str, Market]:
        """Every market, built in or from the settings, with its terms and its calendar."""
        return BUILT_IN | {name: market_of(name, each) for name, each in self.markets.items()}

    @property
    def has_mail_folder(self) -> bool:
        """Whether messages may be files beside the database."""
        raise NotImplementedError

    @property
    def unmailed_markets(self) -> list[str]:
        """The markets whose cards are not mailed by us."""
        return [name for name in self.known_markets if self.mail_of(name) is MailWay.NONE]

    def mail_of(self, market: str) -> MailWay:
        """Return how the messages of a market leave."""
        default = MailWay.FOLDER if self.has_mail_folder else MailWay.NONE
        return self.markets.get(market, MarketSettings()).mail or self.mail or default

    def sender_of(self, market: str) -> Sender:
        """Return from whom the messages of a market are."""
        return sender_of(self.markets.get(market, MarketSettings()))

    def shop_of(self, market: str) -> ShopSettings:
        """Return how a market presents itself to people."""
        return self.markets.get(market, MarketSettings())

    def mail_mistakes(self) -> Iterator[str]:
        """Yield a sentence for each market that cannot be mailed as the settings say."""
        chosen = self.must_choose_mail and not self.has_mail_folder
        for name in self.known_markets:
            market = self.markets.get(name, MarketSettings())
            yield from mail_mistakes(
                f"markets.{name}",
                market.model_copy(update={"mail": market.mail or self.mail}),
                has_relay=self.smtp_host is not None,
                has_folder=self.has_mail_folder,
                must_choose=chosen,
            )
