/**
 * Who says whether words may pass. One that judges at once is asked in the session itself; a service is a codec here: what it
 * is asked, and what its answer means. The shell does the asking (`durable-objects/moderate.ts`).
 */
import type { Json, JsonObject } from "../../../protocol/json.ts";

/** The category of what may not pass; null: it may. */
export type Verdict = string | null;

export interface LocalModerator {
  readonly judge: (text: string) => Verdict;
}

export interface RemoteModerator {
  readonly ask: (text: string) => ServiceRequest;
  /** @throws RangeError when the answer says nothing. */
  readonly read: (answer: Json | undefined) => Verdict;
}

export type Moderator = LocalModerator | RemoteModerator;

/** Answered with JSON, or with the object that the binding gives. */
export type ServiceRequest =
  | {
      readonly type: "http";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: JsonObject;
    }
  | {
      readonly type: "service";
      readonly binding: string;
      readonly model: string;
      readonly input: JsonObject;
    };

const CATEGORY = /^[\w./-]{1,64}$/;

/** A category as it may be told: a name, never what was said. */
export function categoryOf(name: Json | undefined): string {
  return typeof name === "string" && CATEGORY.test(name) ? name : "other";
}

export class NoVerdict extends RangeError {
  override readonly name = "NoVerdict";
}
