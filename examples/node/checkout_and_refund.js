// A checkout by gift card, and a return of a part of the order, each at most once.
//
//     node checkout_and_refund.js --target 127.0.0.1:50051 --goods 4000 --back 1500 < code.txt
//
// The code comes from standard input: arguments are seen by every user of the machine.
"use strict";

const { parseArgs } = require("node:util");
const { createInterface } = require("node:readline/promises");
const { randomUUID } = require("node:crypto");
const { GiftCards, Declined, OutcomeUnknown, requestIdOf } = require("./gift_cards");
const { money, centsOf, shown } = require("./money");

// What a shopper reads; docs/integrator.md has every reason, in French too.
const WORDS = {
  CARD_NOT_FOUND: "There is no gift card with this code.",
  CARD_REDEEMED: "This gift card has been used. A gift card can be used once.",
  CARD_HELD: "This gift card is set aside for another order.",
};

async function checkout(cards, code, order) {
  const session = randomUUID(); // The shopper's, whose wrong codes are counted together.
  const seen = await cards.validate({ code, market: "fr", order, attempt_key: session });
  if (!seen.usable) {
    throw Object.assign(new Declined(seen.reason), { reason: seen.reason.replace("REASON_", "") });
  }
  console.log(`The card pays ${shown(seen.applicable_amount)} of ${shown(order.total)}.`);
  if (centsOf(seen.forfeited_amount) > 0) {
    console.log(`${shown(seen.forfeited_amount)} of it will be lost: a card is used once.`);
  }
  const request = { code, market: "fr", order, attempt_key: session };
  const customer = { email: "shopper@example.com", locale: "fr-FR" };
  // Stored with the order before they are sent, so that a crash leaves nothing set aside for good.
  const requestId = requestIdOf("authorize", order.order_id);
  const held = await cards.authorize(requestId, { ...request, customer });
  const authorizationId = held.authorization.authorization_id;
  const paid = await cards.capture(requestIdOf("capture", order.order_id), {
    authorization_id: authorizationId,
  });
  console.log(`Paid: ${shown(paid.authorization.captured_amount)}, ${authorizationId}`);
  return authorizationId;
}

async function refund(cards, authorizationId, returnId, amount) {
  const back = await cards.reverse(requestIdOf("return", returnId), {
    authorization_id: authorizationId,
    reason: "REVERSE_REASON_DEFECTIVE",
    refund_amount: amount,
  });
  // The code of the new card is money: it goes to its holder, and into no log.
  console.log(`Back on a new card: ${shown(back.gift_card_amount)}, ...${back.replacement.card.last4}`);
  console.log(`Back by the other tender: ${shown(back.other_tender_amount)}`);
}

async function main() {
  const { values } = parseArgs({
    options: {
      target: { type: "string", default: process.env.GIFTCARD_TARGET || "127.0.0.1:50051" },
      goods: { type: "string", default: "4000" },
      back: { type: "string", default: "1500" },
    },
  });
  // Number("60.00") is 60 as well: what people type is checked, digit by digit.
  const [goods, back] = [values.goods, values.back].map((typed) => {
    if (!/^[0-9]+$/.test(typed)) {
      throw new TypeError(`an amount is a whole number of cents, not ${typed}`);
    }
    return money(Number(typed));
  });
  const [code] = await firstLine();
  const order = {
    order_id: `order-${randomUUID()}`,
    total: goods,
    lines: [{ category: "goods", amount: goods }],
  };
  const cards = new GiftCards(values.target);
  try {
    const authorizationId = await checkout(cards, code, order);
    await refund(cards, authorizationId, `${order.order_id}-return-1`, back);
  } finally {
    cards.close();
  }
}

async function firstLine() {
  for await (const line of createInterface({ input: process.stdin })) {
    return [line.trim()];
  }
  throw new TypeError("no code on standard input");
}

main().catch((error) => {
  if (error instanceof Declined) {
    console.log(WORDS[error.reason] ?? "This gift card cannot be used for this order.");
  } else if (error instanceof OutcomeUnknown) {
    console.log("No answer: nothing is lost, the same request will be sent again.");
  }
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
});
