/** What a client does in one conversation, as data: drawn from a seed, printed, replayed and made shorter. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import type { StrategyChoice } from "../../src/session/state/plan.ts";

export type WireFormat = "audio/pcm" | "audio/pcmu" | "audio/pcma";

/** Ways to write one and the same JSON message. */
export type Spelling =
  | "plain"
  | "slashes"
  | "unicode"
  | "lines"
  | "spaced"
  | "audio first"
  | "id first"
  | "all escaped";

export interface Speech {
  readonly kind: "voice" | "silence";
  readonly ms: number;
  readonly seed: number;
  /** One message carries so much. */
  readonly chunkMs: number;
  readonly format: WireFormat;
  readonly spelling: Spelling;
  /** All at once in place of in time. */
  readonly burst: boolean;
}

export type Step =
  | { readonly do: "send"; readonly event: JsonObject; readonly spelling?: Spelling }
  /** Anything but an event. */
  | { readonly do: "raw"; readonly text: string; readonly binary?: boolean }
  | ({ readonly do: "say" } & Speech)
  | { readonly do: "wait"; readonly ms: number }
  /** Until an event of this type comes. */
  | { readonly do: "until"; readonly type: string }
  /** Until nothing more comes and no response is under way. */
  | { readonly do: "settle" }
  | { readonly do: "reconnect" };

export interface Script {
  /** Name in `providers.ts`. */
  readonly provider: string;
  readonly intent: "realtime" | "transcription";
  /** The relay detects turns one way and the reference another: what hangs on it is compared loosely. */
  readonly detected: boolean;
  readonly pace: number;
  readonly pieceMs: number;
  /** Said in every answer; null: what the dialogue says. */
  readonly reply: string | null;
  /** Two of the provider are one voice, by this plan; absent: there is one. */
  readonly plan?: StrategyChoice;
  readonly steps: readonly Step[];
}

/**
 * Names in events that are known only when they are sent: `$assistant`, `$user`, `$item` (the last of their kind),
 * `$call` (the last call's id), `$response`. What is not there is `none`.
 */
export function resolved(value: Json, names: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") return value.startsWith("$") ? (names.get(value) ?? "none") : value;
  if (Array.isArray(value)) return value.map((inner) => resolved(inner, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner, names)]));
}

export function spell(event: JsonObject, spelling: Spelling): string {
  switch (spelling) {
    case "plain":
      return JSON.stringify(event);
    case "slashes":
      return JSON.stringify(event).replaceAll("/", String.raw`\/`);
    case "unicode":
      return JSON.stringify(event)
        .replaceAll("+", String.raw`\u002B`)
        .replaceAll("é", String.raw`\u00e9`);
    case "lines":
      return JSON.stringify(event, null, 2).replaceAll("\n", "\r\n");
    case "spaced":
      return ` ${JSON.stringify(event).replaceAll(/([{,])"(\w+)":/g, '$1 "$2" : ')} `;
    case "audio first": {
      const { type, ...others } = event;
      return JSON.stringify({ ...others, type });
    }
    case "id first":
      return JSON.stringify({ event_id: "named", ...event });
    case "all escaped":
      return JSON.stringify(event).replaceAll(
        /(?<="audio":")[^"]+/g,
        (audio) => `${String.raw`\u00`}${audio.charCodeAt(0).toString(16)}${audio.slice(1)}`,
      );
    default:
      return spelling satisfies never;
  }
}
