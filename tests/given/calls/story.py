"""Every kind of call to a server, valid and invalid, with secrets that tests search for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import grpc

from giftcard.v1.order_pb2 import Contact
from giftcard_storage import database, schema
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.sent import changed
from given.calls.shop import Shop
from given.databases.at_rest import ways_to_write
from given.servers.running import writing_elsewhere

TRIES_TOO_MANY: Final = 11
SOON_SECONDS: Final = 0.2


@dataclass
class Secrets:
    """Codes and people that must be found nowhere, in no spelling."""

    codes: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)

    def person(self, name: str) -> Contact:
        """Return a person with a name and an address of its own."""
        token = uuid4().hex[:12]
        contact = Contact(
            name=f"{name} Canari-{token}", email=f"{name}.{token}@example.org", locale="fr-FR"
        )
        self.people |= {contact.name, contact.email, contact.name.split()[1], token}
        return contact

    def found_in(self, content: bytes) -> list[str]:
        """Return the secrets that content holds, in any spelling."""
        return [
            secret
            for secret in sorted(self.codes | self.people)
            if any(spelling in content for spelling in spellings(secret))
        ]


def spellings(secret: str) -> Iterator[bytes]:
    """Yield the spellings of a secret."""
    for written in {
        secret,
        secret.lower(),
        secret.replace("-", ""),
        secret.replace("-", "").lower(),
        secret.replace("-", " "),
    }:
        yield from ways_to_write(written)


class Story:
    """Calls to a server at DEBUG: every RPC, granted and refused in every way."""

    def __init__(self, shop: Shop, url: DatabaseUrl) -> None:
        self.secrets = Secrets()
        # The statuses, texts, details and metadata of refusals.
        self.refusals: list[str] = []
        self.card_ids: list[str] = []
        self._shop = shop
        self._url = url
        self._shopper = self.secrets.person("Chloé")
        self._well()
        self._badly()
        self._by_guesses()
        self._with_a_defect()

    def _code(self, code: str) -> str:
        self.secrets.codes.add(code)
        return code

    def _bought(self) -> tuple[str, str]:
        """Return the code and the purchase order of a new card."""
        request: Any = sent.issue()
        wishes = f"Bon anniversaire {uuid4().hex}"
        self.secrets.people.add(wishes)
        request = changed(request, "message", wishes)
        request = changed(request, "purchaser", self.secrets.person("Amélie"))
        request = changed(request, "recipient", self.secrets.person("Bruno"))
        answer, replay = self._shop.call(request), self._shop.call(request)
        assert answer.code == replay.code
        self.card_ids.append(answer.card.card_id)
        return self._code(answer.code), request.purchase.order_id

    def _authorize(self, code: str) -> Any:
        return changed(sent.authorize(code, sent.order(50_00)), "customer", self._shopper)

    def _well(self) -> None:
        call = self._shop.call
        code, _ = self._bought()
        call(sent.validate(code))
        held = call(self._authorize(code)).authorization
        self._code(call(sent.capture(held.authorization_id, 40_00)).replacement.code)
        back = sent.reverse(held.authorization_id, 10_00)
        back.beneficiary.CopyFrom(self.secrets.person("Denis"))
        self._code(call(back).replacement.code)
        code, order_id = self._bought()
        call(sent.cancel(code, order_id))

    def _badly(self) -> None:
        code, _ = self._bought()
        authorize = self._authorize(code)
        held = self._shop.call(authorize).authorization
        person = self.secrets.person("Élise")
        issue = changed(sent.issue(1), "purchaser", person)
        for request in (
            issue,
            changed(issue, "message", f"{person.name} " * 100),
            changed(issue, "purchaser.email", person.email.replace("@", " ")),
            changed(issue, "market", person.email),
            sent.authorize(),
            sent.authorize(code),
            changed(authorize, "customer", person),
            changed(authorize, "order.lines", []),
            changed(authorize, "request_id", code),
            changed(sent.capture(), "authorization_id", code),
            sent.capture(held.authorization_id, 50_01),
            sent.reverse(held.authorization_id + "0"),
            sent.cancel(code, person.email),
            sent.cancel(code, "\0"),
            sent.cancel(code[:-1] + ("0" if code[-1] != "0" else "1")),
        ):
            self._refused(lambda request=request: self._shop.call(request))
        serialized = authorize.SerializeToString()
        self._refused(lambda: self._shop.raw("Authorize", serialized[:-1]))
        self._refused(lambda: self._shop.raw("Issue", serialized))
        with writing_elsewhere(self._url):
            other: Any = changed(authorize, "request_id", sent.new_id())
            self._refused(lambda: self._shop.stub.Authorize(other, timeout=SOON_SECONDS))
        self._refused(
            lambda: self._shop.stub.Validate(
                sent.validate(code), timeout=5, metadata=(("x-code", code * 1000),)
            )
        )

    def _by_guesses(self) -> None:
        """Guess until a right code is refused as well."""
        code, _ = self._bought()
        request = changed(self._authorize(code), "attempt_key", f"session-{uuid4()}")
        for _ in range(TRIES_TOO_MANY):
            guess = changed(request, "code", sent.UNKNOWN_CODE)
            self._refused(lambda guess=guess: self._shop.call(guess))
        self._refused(lambda: self._shop.call(request))

    def _with_a_defect(self) -> None:
        """Make the server read an impossible card: held, and by no authorization."""
        code, _ = self._bought()
        connection = database.connect(self._url)
        card = schema.Card
        card.update(state="HELD", hold_id="none", held_minor=50_00, balance_minor=0).where(
            card.card_id == self.card_ids[-1]
        ).execute(connection)
        connection.close()
        self._refused(lambda: self._shop.call(self._authorize(code)))
        assert "StatusCode.INTERNAL internal error" in self.refusals[-1]

    def _refused(self, call: Any) -> None:
        try:
            call()
        except grpc.RpcError as error:
            refused: Any = error
            metadata = [*(refused.initial_metadata() or ()), *(refused.trailing_metadata() or ())]
            # Details are bytes in the metadata, and may hold texts.
            self.refusals.append(f"{refused.code()} {refused.details()} {metadata!r} {error!r}")
        else:
            message = "it was not refused"
            raise AssertionError(message)
