/** Counts what a connection uses. Every part of a session that uses something finds it in the context, where there is one. */
import type { AudioFormat, ProviderFormat } from "../../audio/format.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { ConnectionIdentity } from "../state/connection-identity.ts";

/** Who works for the relay and is no upstream: its own voice, and the text model of a background mind. */
export type OwnRole = "speech" | "background";

/** The connection as it is counted. */
export interface Used {
  readonly identity: ConnectionIdentity;
  /** Of its response keys, with the session's response ids. */
  readonly knows: { readonly responses: ReadonlyMap<string, string> };
  readonly capabilities: { readonly output: ProviderFormat; readonly turns: string };
}

export interface Meter {
  /** Its socket opened, and is paid for from now on. */
  opened(identity: ConnectionIdentity): void;
  /** So many bytes of the caller's audio go to it. */
  heard(identity: ConnectionIdentity, format: AudioFormat, bytes: number): void;
  /** It serves, and says this; before anybody acts on it. */
  said(connection: Used, event: UpstreamEvent): void;
  /** The relay itself has asked for something: what that cost, in OpenAI's shape, and milliseconds of sound that came of it. */
  beside(role: OwnRole, usage: JsonObject, saidMs: number): void;
  /** It is over since then: what it was asked for it will not say the cost of. */
  closed(identity: ConnectionIdentity, at: number): void;
}
