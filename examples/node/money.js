// Amounts as the service takes them: whole cents with a currency, and nothing that only looks so.
"use strict";

// Protobuf's 64-bit integers are read from texts up to the first character that is no digit, so
// that "60.00" would silently be 60 cents. So a text is refused, and so is a number with a fraction.
function money(cents, currency = "EUR") {
  if (typeof cents !== "number" || !Number.isSafeInteger(cents)) {
    throw new TypeError(`an amount is a whole number of cents, not ${typeof cents} ${cents}`);
  }
  return { amount_minor: String(cents), currency_code: currency };
}

// Answers have 64-bit integers as texts, since numbers of JavaScript lose digits beyond 2^53.
function centsOf(amount) {
  const cents = Number(amount.amount_minor);
  if (!Number.isSafeInteger(cents)) {
    throw new RangeError("an amount beyond 2^53 cents");
  }
  return cents;
}

// For people; 6000 is "60.00 EUR". Currencies without cents need another rule.
function shown(amount) {
  const cents = centsOf(amount);
  const whole = Math.trunc(cents / 100);
  return `${whole}.${String(cents % 100).padStart(2, "0")} ${amount.currency_code}`;
}

module.exports = { money, centsOf, shown };
