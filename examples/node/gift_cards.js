// The gift card service for a checkout in Node: at most once, with rich errors.
"use strict";

const path = require("node:path");
const { createHash } = require("node:crypto");
const { setTimeout: pause } = require("node:timers/promises");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");
const { detailsOf } = require("./rich_errors");

const PROTOS = path.resolve(__dirname, "../../protos");
const TRIES = 5;
const FIRST_PAUSE_MS = 100;
const DEADLINE_MS = 5000;

// A rule said no. `reason` is one of reason.proto; `facts` are details to act on.
class Declined extends Error {}
// The request is malformed, and did nothing: a defect of this program. `violations` name the fields.
class InvalidRequest extends Error {}
// No decided answer came. Send the same request again under its `requestId`, or reverse it.
class OutcomeUnknown extends Error {}

class GiftCards {
  constructor(target, credentials = grpc.credentials.createInsecure()) {
    const definition = loadSync("giftcard/v1/gift_card_service.proto", {
      includeDirs: [PROTOS],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
    });
    const { GiftCardService } = grpc.loadPackageDefinition(definition).giftcard.v1;
    this.client = new GiftCardService(target, credentials);
  }

  // Validate changes nothing, and has no request id.
  validate(request) {
    return this.#tried("Validate", request);
  }

  // The other calls take the id that the caller has made, and stored, before the first try.
  authorize(requestId, request) {
    return this.#tried("Authorize", { ...request, request_id: requestId });
  }

  capture(requestId, request) {
    return this.#tried("Capture", { ...request, request_id: requestId });
  }

  reverse(requestId, request) {
    return this.#tried("Reverse", { ...request, request_id: requestId });
  }

  close() {
    this.client.close();
  }

  // All tries send the same request, so that what arrived is answered again and not done twice.
  async #tried(method, request) {
    const deadline = Date.now() + DEADLINE_MS;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#once(method, request, deadline);
      } catch (error) {
        const details = detailsOf(error);
        const wait = details.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (tries - 1);
        const isLate = Date.now() + wait >= deadline;
        if (!isUndecided(error, details) || tries === TRIES || isLate) {
          throw explained(error, details, request.request_id);
        }
        await pause(wait);
      }
    }
  }

  #once(method, request, deadline) {
    return new Promise((resolve, reject) => {
      this.client[method](request, { deadline }, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  }
}

// Whether the same request may simply be sent again: nothing was decided.
function isUndecided(error, details) {
  const { UNAVAILABLE, CANCELLED, ABORTED } = grpc.status;
  if (details.reason !== null) {
    return false; // A rule has decided, whatever the status: REQUEST_PREVENTED is ABORTED too.
  }
  return [UNAVAILABLE, CANCELLED].includes(error.code) ||
    (error.code === ABORTED && details.retryAfterMs !== null);
}

function explained(error, details, requestId) {
  const { INVALID_ARGUMENT, UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED } = grpc.status;
  if (details.reason !== null) {
    return Object.assign(new Declined(`${details.reason}: ${error.details}`), details, { requestId });
  }
  if (error.code === INVALID_ARGUMENT) {
    return Object.assign(new InvalidRequest(error.details), details, { requestId });
  }
  if ([UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED].includes(error.code)) {
    return error; // A matter of certificates and roles: for the operator.
  }
  return Object.assign(new OutcomeUnknown(error.message), { requestId });
}

// The id of a request that stands for one thing of ours, such as a return: a job that runs again
// sends the same request again. A UUID of version 5, with the first bytes of a SHA-1.
function requestIdOf(kind, id) {
  const bytes = createHash("sha1").update(`shop.example:${kind}:${id}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

module.exports = { GiftCards, Declined, InvalidRequest, OutcomeUnknown, requestIdOf };
