/** What the tests of Moshi's servers have in common. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { OpusCodec } from "../../src/upstreams/codecs.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { UpstreamConfig, UpstreamEvent, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { plain } from "../support/opus.ts";
import { CONFIG, Connection } from "./connection.ts";
import { ScriptedMoshi } from "./scripted-moshi.ts";

export const KEY = "Bearer sk-0123456789abcdef0123456789";
/** A session that asks for nothing that such a server does not have. */
export const SPOKEN: UpstreamConfig = { ...CONFIG, instructions: "" };

interface Parts {
  readonly settings?: JsonObject;
  readonly config?: Partial<UpstreamConfig>;
  readonly codec?: OpusCodec;
  readonly free?: boolean;
  readonly more?: Partial<UpstreamOptions>;
}

export function moshiUpstream({ settings = {}, codec = plain(), more }: Parts = {}) {
  const url = "wss://gpu.example:8998";
  return createUpstream(
    { adapter: "moshi", url, headers: { Authorization: KEY }, settings, ...more },
    { opus: () => codec },
  );
}

export function moshi(parts: Parts = {}) {
  const { codec = plain(), free = true, config } = parts;
  const upstream = moshiUpstream({ ...parts, codec });
  const server = new ScriptedMoshi(codec, free);
  return { server, upstream, connection: new Connection(upstream, server, { ...SPOKEN, ...config }) };
}

export const types = (events: readonly UpstreamEvent[]): string[] => events.map(({ type }) => type);
/** Sound of so many milliseconds. */
export const sound = (ms: number, value = 0x21) => new Uint8Array(ms * 48).fill(value);
