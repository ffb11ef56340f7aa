/** What a provider has. */
import type { AudioFormat, ProviderFormat } from "../../audio/format.ts";

export interface Capabilities {
  /** Format of the bytes in an `audio` command. */
  readonly input: AudioFormat;
  /** Format of the bytes in an `audio` event. Read after `ready`: a provider's handshake may decide it. */
  readonly output: ProviderFormat;
  /**
   * Who decides that a turn is over. `client`: the relay commits and asks for responses; the provider's own
   * detection is off and it hears only turns. `server`: the provider hears everything and announces speech and
   * responses. `none`: duplex, there are no turns.
   */
  readonly turns: "client" | "server" | "none";
  readonly cancel: boolean;
  readonly truncate: boolean;
  /** Takes text items from the user. */
  readonly text: boolean;
  readonly tools: boolean;
  /** A duplex one that answers what it has heard since, and nothing else: of a turn it has to hear the sound. */
  readonly answersSound?: boolean;
  /** Transcribes what the user says. */
  readonly transcription: boolean;
  /** The words of an answer come no later than their sound; absent: nobody knows. */
  readonly wordsFirst?: boolean;
  /** Answers `respond` with `conversation: "none"` outside the conversation. */
  readonly outOfBand: boolean;
  /** Says of each configuration that it was given whether it took it (`configured`, `unconfigured`). */
  readonly confirms: boolean;
  /** A new connection may continue an old one by a handle given in a `resumable` event. */
  readonly resumption: boolean;
  /** The provider closes a connection at this age; null: no limit known. */
  readonly maxSessionMs: number | null;
  /** Something must be sent at least this often; null: not needed. The adapter says what in `keepalive`. */
  readonly keepaliveMs: number | null;
}
