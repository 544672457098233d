"""What a failed connection means, in one sentence each with what to do: one table.

The texts are those of gRPC's core, of the oldest runtime that the client supports and of the
newest. A text that no row knows is shown as it is.
"""

import re
from dataclasses import dataclass

import grpc

from giftcard_client.diagnosing.targets import DEFAULT_PORT, Peer

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A row: the texts that it knows, and the sentence. `encrypted` None: with TLS and without."""

    status: grpc.StatusCode
    text: str
    sentence: str
    encrypted: bool | None = None


# The first row that fits is the answer. {target} and {host} are filled in.
DIAGNOSES = (
    Diagnosis(
        UNAVAILABLE,
        r"errors resolving|DNS resolution failed",
        "the name in the target {target} is not known here: correct it, or this machine's DNS",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"WRONG_VERSION_NUMBER",
        "{target} does not speak TLS: call it without credentials (--ca on the command line),"
        " or name the port that does",
        encrypted=True,
    ),
    Diagnosis(
        UNAVAILABLE,
        r"certificate has expired|certificate is not yet valid",
        "the certificate of {target} is not valid today: its operator has to renew it, unless"
        " this machine's clock is wrong",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"CERTIFICATE_VERIFY_FAILED",
        "the certificate of {target} is of an authority that is not trusted here: give the"
        " authority of its operator (root_certificates, or --ca on the command line)",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"Hostname Verification Check failed|is not in peer certificate",
        "the certificate of {target} is for another name than {host}: call it by a name that is"
        " in its certificate",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"Failed to create security handshaker",
        "our own certificates cannot be used: a file is no PEM, or the key is not that of the"
        " certificate",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"http1\.x|Failed parsing HTTP/2",
        "{target} does not speak gRPC: name the server's gRPC port (GIFTCARD_GRPC_LISTEN,"
        f" {DEFAULT_PORT} unless it is set), and no HTTP port",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"all backends failing.*(Socket closed|Connection reset|Broken pipe|recvmsg)",
        "{target} closes every connection, perhaps as it needs TLS: give credentials"
        " (--ca on the command line)",
        encrypted=False,
    ),
    Diagnosis(
        UNAVAILABLE,
        r"all backends failing.*(Socket closed|Connection reset|Broken pipe|recvmsg)"
        r"|CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE",
        "{target} closes every connection, perhaps as it does not accept our certificate: give"
        " one of its authority (--cert and --key on the command line)",
        encrypted=True,
    ),
    Diagnosis(
        UNAVAILABLE,
        r"Connection refused",
        "nothing listens on {target}: start the server there (giftcard serve), or correct the"
        " target",
    ),
    Diagnosis(
        UNAVAILABLE,
        r"unreachable|No route to host|[Tt]imed out|Timeout|FD Shutdown",
        "{target} cannot be reached from this machine: look at the address, the network and"
        " the firewall",
    ),
    Diagnosis(
        grpc.StatusCode.UNIMPLEMENTED,
        r"",
        "{target} does not take this call: it is older than this client, takes it only from"
        " callers with certificates, or is another service",
    ),
    Diagnosis(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        r"^Deadline Exceeded$",
        "no answer came from {target} in time: send the same request again; where that never"
        " helps, look at the address and the firewall",
    ),
)


def explanation_of(code: grpc.StatusCode, text: str, peer: Peer) -> str:
    """Say why a call failed, with the name of the status. `text` is gRPC's or the service's."""
    for each in DIAGNOSES:
        fits = each.encrypted in {None, peer.is_encrypted} and each.status is code
        if fits and re.search(each.text, text, re.DOTALL):
            host = peer.target.rpartition("/")[2].rpartition(":")[0]
            return f"{each.sentence.format(target=peer.target, host=host)} ({code.name})"
    return f"{code.name}: {text}" if text else code.name
