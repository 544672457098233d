"""A sentence for shoppers for each reason to decline. Translations are looked up by the reason."""

from collections.abc import Mapping
from types import MappingProxyType

from giftcard_client.vocabulary import Reason

DECLINE_MESSAGES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.TOO_MANY_ATTEMPTS: "Too many wrong codes were entered. Please try again later.",
        Reason.REQUEST_ID_REUSED: "This request id was used for another request before.",
        Reason.ANSWER_RETIRED: "The answer to this request can no longer be given.",
        Reason.REQUEST_PREVENTED: "This payment was cancelled before it arrived.",
        Reason.CARD_NOT_FOUND: "There is no gift card with this code.",
        Reason.AUTHORIZATION_NOT_FOUND: "There is no such authorization.",
        Reason.WRONG_MARKET: "This gift card belongs to another platform.",
        Reason.CURRENCY_MISMATCH: "This gift card is in another currency.",
        Reason.MARKET_PAUSED: "Gift cards cannot be used at the moment. Please try again later.",
        Reason.CARD_BLOCKED: "This gift card is blocked. Please contact Customer Service.",
        Reason.CARD_CANCELLED: "The purchase of this gift card was cancelled.",
        Reason.CARD_REDEEMED: "This gift card has been used. A gift card can be used once.",
        Reason.CARD_EXPIRED: "This gift card is no longer valid.",
        Reason.CARD_HELD: "This gift card is set aside for another order.",
        Reason.AUTHORIZATION_CAPTURED: "This authorization was captured before.",
        Reason.AUTHORIZATION_RELEASED: "This authorization was released before.",
        Reason.AUTHORIZATION_LAPSED: "This authorization is no longer valid.",
        Reason.AUTHORIZATION_NOT_CAPTURED: "This order was not charged yet.",
        Reason.ORDER_HAS_GIFT_CARD_LINE: "A gift card cannot buy a gift card.",
        Reason.ORDER_HAS_DISCOUNT: "A gift card cannot be combined with a discount.",
        Reason.ORDER_HAS_ANOTHER_CARD: "An order can be paid with one gift card only.",
        Reason.NOTHING_ELIGIBLE: "Nothing in this order can be paid with a gift card.",
        Reason.PURCHASE_HAS_ANOTHER_CARD: "This purchase has its gift card already.",
        Reason.PAYMENT_METHOD_NOT_ACCEPTED: "Gift cards are bought by bank card only.",
        Reason.PURCHASE_HAS_DISCOUNT: "Gift cards are bought without promo codes.",
        Reason.AMOUNT_OUT_OF_RANGE: "Gift cards are not sold for this amount.",
        Reason.ISSUE_CEILING_REACHED: "Gift cards cannot be bought at the moment.",
        Reason.AMOUNT_EXCEEDS_AUTHORIZED: "This is more than the order has left to pay.",
        Reason.AMOUNT_EXCEEDS_REFUNDABLE: "This is more than is left to refund.",
        Reason.EXERCISE_DAY_OUT_OF_RANGE: "The day of the declaration cannot be right.",
        Reason.RETURN_WINDOW_CLOSED: "The time to return this order is over.",
        Reason.CANCELLATION_WINDOW_CLOSED: "The time to cancel this purchase is over.",
        Reason.NOT_A_PURCHASED_CARD: "This gift card came out of a refund and cannot be cancelled.",
        Reason.CARD_NOT_BLOCKED: "This gift card is not blocked.",
        Reason.RESEND_LIMIT: "The e-mail of this gift card was sent again often enough today.",
        Reason.PERSON_ERASED: "The person's data was erased.",
        Reason.PERSON_RESTRICTED: "The person's data may not be used.",
        Reason.PROPOSAL_NOT_FOUND: "There is no such proposal.",
        Reason.PROPOSAL_CLOSED: "This proposal is closed.",
        Reason.PROPOSAL_LAPSED: "Nobody approved this proposal in time.",
        Reason.SAME_ACTOR: "Somebody else has to approve this.",
        Reason.REFUND_NOT_DUE: "Nothing of this amount is due.",
        # A newer service's reason: the decline is certain, and its name is in the code.
        Reason.UNRECOGNIZED: "The gift card cannot be used for this.",
    }
)

# The same in French, for the built-in market.
DECLINE_MESSAGES_IN_FRENCH: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.TOO_MANY_ATTEMPTS: "Trop de codes erronés ont été saisis. Réessayez plus tard.",
        Reason.REQUEST_ID_REUSED: "Cette demande a déjà servi pour une autre opération.",
        Reason.ANSWER_RETIRED: "La réponse à cette demande ne peut plus être donnée.",
        Reason.REQUEST_PREVENTED: "Ce paiement a été annulé avant son arrivée.",
        Reason.CARD_NOT_FOUND: "Aucune carte cadeau ne porte ce code.",
        Reason.AUTHORIZATION_NOT_FOUND: "Cette autorisation n’existe pas.",
        Reason.WRONG_MARKET: "Cette carte cadeau appartient à une autre plateforme.",
        Reason.CURRENCY_MISMATCH: "Cette carte cadeau est dans une autre devise.",
        Reason.CARD_BLOCKED: "Cette carte cadeau est bloquée. Contactez le service client.",
        Reason.CARD_CANCELLED: "L’achat de cette carte cadeau a été annulé.",
        Reason.CARD_REDEEMED: "Cette carte cadeau a été utilisée. Elle ne sert qu’une fois.",
        Reason.CARD_EXPIRED: "Cette carte cadeau n’est plus valable.",
        Reason.CARD_HELD: "Cette carte cadeau est réservée pour une autre commande.",
        Reason.AUTHORIZATION_CAPTURED: "Cette autorisation a déjà été débitée.",
        Reason.AUTHORIZATION_RELEASED: "Cette autorisation a déjà été libérée.",
        Reason.AUTHORIZATION_LAPSED: "Cette autorisation n’est plus valable.",
        Reason.AUTHORIZATION_NOT_CAPTURED: "Cette commande n’a pas encore été débitée.",
        Reason.ORDER_HAS_GIFT_CARD_LINE: "Une carte cadeau ne paie pas une carte cadeau.",
        Reason.ORDER_HAS_DISCOUNT: "Une carte cadeau ne se cumule pas avec une remise.",
        Reason.ORDER_HAS_ANOTHER_CARD: "Une commande se paie avec une seule carte cadeau.",
        Reason.NOTHING_ELIGIBLE: "Rien dans cette commande ne se paie par carte cadeau.",
        Reason.PURCHASE_HAS_ANOTHER_CARD: "Cet achat a déjà sa carte cadeau.",
        Reason.PAYMENT_METHOD_NOT_ACCEPTED: "Une carte cadeau s’achète par carte bancaire.",
        Reason.PURCHASE_HAS_DISCOUNT: "Une carte cadeau s’achète sans code promo.",
        Reason.AMOUNT_OUT_OF_RANGE: "Les cartes cadeaux ne sont pas vendues à ce montant.",
        Reason.AMOUNT_EXCEEDS_AUTHORIZED: "C’est plus que ce qui reste à payer.",
        Reason.AMOUNT_EXCEEDS_REFUNDABLE: "C’est plus que ce qui reste à rembourser.",
        Reason.EXERCISE_DAY_OUT_OF_RANGE: "Le jour de la déclaration ne peut pas être juste.",
        Reason.RETURN_WINDOW_CLOSED: "Le délai de retour de cette commande est passé.",
        Reason.CANCELLATION_WINDOW_CLOSED: "Le délai d’annulation de cet achat est passé.",
        Reason.NOT_A_PURCHASED_CARD: (
            "Cette carte cadeau vient d’un remboursement et ne s’annule pas."
        ),
        Reason.CARD_NOT_BLOCKED: "Cette carte cadeau n’est pas bloquée.",
        Reason.REFUND_NOT_DUE: "Aucun remboursement de ce montant n’est dû.",
        Reason.UNRECOGNIZED: "La carte cadeau ne peut pas servir ici.",
    }
)
