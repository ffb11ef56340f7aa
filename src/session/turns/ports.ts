/** What turns use of other parts of the session. Whoever joins the parts passes the real ones. */
import type { AudioFormat } from "../../audio/format.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { SessionConfig, TurnDetection } from "../../protocol/session-config.ts";
import type {
  Capabilities,
  Command,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
} from "../../upstreams/upstream.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { LinkPhase } from "../transitions.ts";

/** Whoever hears the caller: what it can be given now, and what waits for it. */
interface Hearer extends AudioTap {
  readonly phase: LinkPhase;
  readonly capabilities: Capabilities;
  readonly remote: boolean;
  readonly formats: readonly AudioFormat[];
  readonly parked: boolean;
  readonly struck: boolean;
  readonly neededFrom: number;
  readonly congested: boolean;
  readonly reading: { readonly stuckMs: number; readonly overdraws: boolean } | null;
  spared(ms: number): void;
  ensure(): void;
  hurry(ms: number): void;
}

/** An upstream: it hears turns, is told where they end, and is watched where it finds them by itself. */
export interface Link extends Hearer {
  readonly index: number;
  readonly name: string;
  readonly watched: boolean;
  command(command: Command): boolean;
  rename(itemId: string, upstreamId: string): void;
  watch(leastMs: number): void;
  unwatch(): void;
  abandon(code: string, message: string): void;
}

/** An upstream that only transcribes. */
export interface Ear extends Link {
  retryIn(ms: number): void;
}

/** What becomes of the transcriber's connection, and of what it says: told as of any upstream. */
export interface UpstreamEvents {
  onPhase(link: Link, fault: UpstreamFault | null, cause: null): void;
  tellLost(link: Link, fault: UpstreamFault, final: boolean): void;
  onMissed(link: Link, ms: number): void;
  onSpared(link: Link, ms: number): void;
  changed(itemId: string): void;
  spent(usage: JsonObject, link: Link): void;
}

/** What an upstream says of its configuration. */
export type Verdict = Extract<UpstreamEvent, { readonly type: "configured" | "unconfigured" | "refused" }>;

/** What is made of it. */
export interface Refusals {
  verdict(link: Link, verdict: Verdict, of: "transcriber"): void;
}

/** The client: what it is told of its turns. */
export interface ClientPort {
  readonly connected: boolean;
  emit(event: ServerEvent): void;
  failed(code: string, message: string): void;
}

/** The session's configuration: who finds turns, and what an upstream is told. */
export interface Configuration {
  readonly current: SessionConfig;
  readonly turnDetection: TurnDetection | null;
  readonly transcriptionOnly: boolean;
  upstream(): UpstreamConfig;
}

/** What answers the client may still have: those asked for in advance, and those to its silence. */
export interface Budget {
  readonly answersSilence: boolean;
  hurried(): void;
  silence(): void;
}

/** Who is asked for an answer before the turn is known to be over. */
export interface Asking {
  inAdvance(links: readonly Link[]): readonly { readonly id: string; readonly stream: number }[];
  anew(stream: number): void;
  takenBack(): void;
}

/** Answers that were asked for in advance. */
export interface Rounds {
  confirm(id: string): boolean;
  discard(id: string): void;
}

/** Answers: whether there was one, and whether one is being given. */
export interface Responses {
  readonly count: number;
  readonly underway: boolean;
}

/** When agents will have been heard. */
export interface Listener {
  playingUntil(): number;
}

/** Calls that the relay makes, for which the caller waits. */
export interface Tools {
  readonly answersSoon: boolean;
}

/** Whether it is being judged if a sound over an agent is a turn. */
export interface Floor {
  readonly judging: boolean;
}
