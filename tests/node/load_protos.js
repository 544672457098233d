// Loads protos as a Node program does, and prints what it has found, as JSON.
//
//     node load_protos.js FOLDER PROTO...
//
// FOLDER is the only folder that is searched for imports. `paths` are the paths of all RPCs;
// `reverse` is a ReverseRequest with a date, as Node writes it, in base64.
"use strict";

const { loadSync } = require("@grpc/proto-loader");

const [folder, ...protos] = process.argv.slice(2);
const definition = loadSync(protos, { includeDirs: [folder], keepCase: true });

// Messages and enums have a `format`, services do not.
const services = Object.values(definition).filter((each) => !each.format);
const paths = services.flatMap((service) => Object.values(service).map((method) => method.path));

const { Reverse } = definition["giftcard.v1.GiftCardService"];
const reverse = Reverse.requestSerialize({
  request_id: "7b2f6f0e-1111-4222-8333-444455556666",
  authorization_id: "an authorization",
  reason: "REVERSE_REASON_CHANGE_OF_MIND",
  refund_amount: { amount_minor: "5000", currency_code: "EUR" },
  delivered_on: { year: 2026, month: 9, day: 1 },
});

process.stdout.write(JSON.stringify({ paths, reverse: reverse.toString("base64") }));
