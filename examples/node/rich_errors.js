// What a failed call says beside its status: google.rpc.Status in its trailing metadata.
"use strict";

const protobuf = require("protobufjs");

// Of googleapis: google/rpc/status.proto and google/rpc/error_details.proto, as far as needed.
const { root } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message RetryInfo { Duration retry_delay = 1; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
`, { keepCase: true });

const DOMAIN = "giftcard.v1";

// Returns `reason` and `facts` where a rule declined, `violations` where the request is malformed,
// and `retryAfterMs` where the service says when to try again.
function detailsOf(error) {
  const found = { reason: null, facts: {}, violations: [], retryAfterMs: null };
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!bytes) {
    return found;
  }
  for (const { type_url: url, value } of root.lookupType("google.rpc.Status").decode(bytes).details) {
    const name = url.split("/").pop();
    if (name === "google.rpc.ErrorInfo") {
      const info = root.lookupType(name).decode(value);
      // A proxy between us and the service has reasons of its own, which decide nothing.
      if (info.domain === DOMAIN) {
        found.reason = info.reason;
        found.facts = { ...info.metadata };
      }
    } else if (name === "google.rpc.BadRequest") {
      found.violations = root.lookupType(name).decode(value).field_violations;
    } else if (name === "google.rpc.RetryInfo") {
      const { retry_delay: delay } = root.lookupType(name).decode(value);
      found.retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
    }
  }
  return found;
}

module.exports = { detailsOf };
