/** What upstreams that are tried out ask of other parts of the session. */
import type { AudioFormat, ProviderFormat } from "../../audio/format.ts";
import type { Command } from "../../upstreams/upstream.ts";
import type { TokenSums } from "../state/usage.ts";
import type { ServerEvent } from "../state/server-events.ts";

/** An upstream that is tried out, or one that speaks. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly alive: boolean;
  /** Number of the connection that serves. */
  readonly serving: number;
  readonly format: AudioFormat;
  readonly capabilities: { readonly output: ProviderFormat; readonly cancel: boolean };
  /** Response keys of the connection that serves, with the session's response ids. */
  readonly responses: Map<string, string>;
  /** What its answers cost. */
  readonly usage: TokenSums;
  /** It is dialled now, where it is not there. */
  ensure(): void;
  command(command: Command): boolean;
  /** @returns whether the ask waited for a connection: it is not asked for. */
  withdraw(responseId: string): boolean;
  /** Tells the connection that serves what was said before it did. */
  fill(): void;
  /** The connection is of no more use. */
  abandon(code: string, message: string): void;
}

/** Answers of the speakers. */
export interface Responses {
  get(
    id: string,
  ): { readonly asked: boolean; readonly outOfBand: boolean; readonly askedAt: number } | undefined;
}

/** The application: no client is told. */
export interface ClientPort {
  tellApplication(event: ServerEvent): void;
}

/** The caller's turn, which a shadow hears as the others do. */
export interface TurnTaking<L extends Link> {
  /** Another connection hears it as far as there is one. */
  replay(link: L): void;
  /** Nothing of the caller's would be missed by another connection. */
  atGap(link: L): boolean;
}
