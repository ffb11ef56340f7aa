/** What is told of a Moshi server, of what it has not, and of what it says that is none of its protocol. */
import type { UpstreamEvent, UpstreamFault } from "../upstream.ts";
import type { SoundFault } from "./downlink.ts";

export const BUSY: UpstreamFault = {
  code: "upstream_busy",
  message: "The server has one conversation at a time, and did not come to this one.",
};
export const NO_ITEMS: UpstreamFault = {
  code: "unsupported",
  message: "A Moshi server takes no text and no items: it is spoken to.",
};
export const NO_CODEC =
  "adapter: 'moshi' needs Opus: codecs: { opus } in relay.config.ts, imported from ./durable-objects/opus.ts.";

export function unchanged(fields: readonly string[]): UpstreamFault {
  const message = `A Moshi server does not change in mid-call: ${fields.join(", ")}.`;
  return { code: "unsupported", type: "invalid_request_error", message };
}

export function nonsense(message: string): UpstreamEvent {
  return { type: "error", error: { code: "upstream_protocol_error", message }, fatal: false };
}

const SOUND_FAULTS: Readonly<Record<Exclude<SoundFault, "format">, string>> = {
  garbage: "Sound of the server is no page of Ogg.",
  version: "A page of the server's is of another version of Ogg.",
  checksum: "A page of the server's has another checksum than it says.",
  stream: "A page of the server's belongs to no stream that began.",
  packet: "A packet of the server's is longer than one of Opus is.",
  opus: "A packet of the server's is none of Opus.",
  much: "A message of the server's has more sound than there can be.",
};

export function soundFault(fault: SoundFault): UpstreamEvent {
  if (fault !== "format") return nonsense(SOUND_FAULTS[fault]);
  const message = "The server's sound is no Opus of one or two channels.";
  return { type: "error", error: { code: "upstream_format_unsupported", message }, fatal: true };
}
