/**
 * Browser SDK of the relay: a voice call over `duplex.v1` (docs/wire.md) without dependencies.
 *
 * ```ts
 * const call = await connect({ url: "https://relay.example", token });
 * call.on("transcript", ({ role, delta }) => …);
 * await call.microphone.start();
 * ```
 */
import type { PcmRateHz } from "../audio/format.ts";
import { Call } from "./call.ts";
import type { Reconnect } from "./call-options.ts";
import { openDoor, type DoorOptions } from "./door.ts";
import { numberAt, objectAt, type JsonObject } from "./json.ts";

export { Call } from "./call.ts";
export type { ClientEvent, ClientEventType } from "./connection-hooks.ts";
export { describeModels, listModels, openDoor, type DoorOptions, type Model, type Target } from "./door.ts";
export { RelayError } from "./error.ts";
export type {
  AgentState,
  AudioDevice,
  CallEventMap,
  CallMessage,
  CallResponse,
  CallState,
  CloseInfo,
} from "./events.ts";
export type { JsonObject } from "./json.ts";
export type { Tool } from "./tools.ts";

export interface ConnectOptions extends DoorOptions {
  /** Settings in the shape of OpenAI's `session.update`. */
  readonly session?: JsonObject;
  /** Of the microphone on the wire; that of `session`, or 24 000, unless said otherwise. */
  readonly inputRate?: PcmRateHz;
  /** Where the audio worklets are served; next to this module unless said otherwise. */
  readonly workletUrl?: string;
  /** False: answers are not played, and no loudspeaker is needed. */
  readonly playback?: boolean;
  /** See `Reconnect`. Without it a session that cannot be resumed ends the call. */
  readonly reconnect?: Reconnect | null;
}

/**
 * Calls the relay. Call it from a user's gesture, so that the browser lets it be heard. To miss no event from the
 * very first on, make a `Call`, listen, and `open` it. Resolves when the relay has taken the settings and the
 * loudspeaker is there.
 * @throws RelayError with code `invalid_url`, `unreachable`, `refused`, `invalid_answer`, `protocol`, `closed`,
 *   `timeout`, `unsupported`, `aborted`, `worklets_missing` or `playback_failed`, or with the relay's own code where it
 *   refuses the settings.
 */
export async function connect(options: ConnectOptions): Promise<Call> {
  const call = createCall(options);
  await openCall(call, options);
  return call;
}

/** A call that is not open yet: for listeners that want the first event too. */
export function createCall(options: Omit<ConnectOptions, "url">): Call {
  const session = options.session ?? {};
  const audio = objectAt(session, "audio");
  const rate = (side: string): number | null => numberAt(objectAt(objectAt(audio, side), "format"), "rate");
  return new Call({
    session,
    inputRateHz: options.inputRate ?? rate("input") ?? 24000,
    outputRateHz: rate("output") ?? 24000,
    workletUrl: options.workletUrl ?? null,
    playback: options.playback ?? true,
    reconnect: options.reconnect ?? null,
  });
}

/** Opens what `createCall` made. @throws RelayError as `connect`; the call is then closed. */
export async function openCall(call: Call, options: DoorOptions): Promise<void> {
  try {
    await call.open(await openDoor(options), options.signal);
  } catch (error) {
    call.close();
    throw error;
  }
}
