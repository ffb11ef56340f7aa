/** What differs on purpose where a provider refuses: answers that were told by then, and updates that hold in part. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import type { Difference, Side } from "./differences.ts";
import { objectOf, textOf, without } from "./fields.ts";
import type { Normal } from "./normal.ts";
import type { Script } from "./script.ts";

export const REFUSED_ANSWER: Difference = {
  id: "refused answer",
  what: "An answer that the provider refuses is told as begun and failed beside the error, or as one too many",
  rewrite: (events, side, script) => (side === "through" ? withoutRefused(events, script) : events),
  relax: (direct, through, script) => {
    const { code, event_id } = objectOf(through["error"]);
    const tooMany = code === "conversation_already_has_active_response";
    return tooMany && sent(script, "response.create").has(textOf(event_id))
      ? [{ ...direct, error: objectOf(through["error"]) }, through]
      : [direct, through];
  },
};

export const REFUSED_UPDATE: Difference = {
  id: "refused update",
  what: "Of an update that the provider refuses the rest is in force; without a type or with unknown members it is taken",
  rewrite: (events, side, script) => {
    const faulty = faultyUpdates(events, script);
    return faulty.length === 0 ? events : sameUpdates(events, side, faulty);
  },
};

/** Names of client events of this type. */
function sent(script: Script, type: string): ReadonlySet<string> {
  return new Set(
    script.steps.flatMap((step) =>
      step.do === "send" && step.event["type"] === type ? textOf(step.event["event_id"]) : [],
    ),
  );
}

/** Refused answers go, and those after them have the numbers that they have without. */
function withoutRefused(events: readonly Normal[], script: Script): readonly Normal[] {
  const asks = sent(script, "response.create");
  const errors = new Set(
    events.flatMap(({ type, place, value }) => {
      const { event_id, code } = objectOf(value["error"]);
      return type === "error" && asks.has(textOf(event_id)) ? `${place} ${textOf(code)}` : [];
    }),
  );
  const refused = new Set(
    events.flatMap(({ type, place, value }) => {
      const { id, status, status_details } = objectOf(value["response"]);
      const code = textOf(objectOf(objectOf(status_details)["error"])["code"]);
      const failed = type === "response.done" && status === "failed";
      return failed && errors.has(`${place} ${code}`) ? `${callOf(place)} ${textOf(id)}` : [];
    }),
  );
  if (refused.size === 0) return events;
  return events
    .filter(({ place, value }) => {
      const id = textOf(value["response_id"] ?? objectOf(value["response"])["id"]);
      return !refused.has(`${callOf(place)} ${id}`);
    })
    .map((event) => {
      const renumbered = (name: string): string =>
        name.replace(/^((?:response |item |call )*R)(\d+)/, (_, kind: string, number: string) => {
          const before = [...refused].filter((one) => {
            const [call, id = ""] = one.split(" ");
            return call === callOf(event.place) && Number(/^R(\d+)$/.exec(id)?.[1]) < Number(number);
          });
          return `${kind}${Number(number) - before.length}`;
        });
      return {
        ...event,
        value: objectOf(renamed(event.value, renumbered)),
        threads: event.threads.map(renumbered),
      };
    });
}

function callOf(place: string): string {
  return place.split("/")[0] ?? "";
}

function renamed(value: Json, rename: (name: string) => string): Json {
  if (typeof value === "string") return rename(value);
  if (Array.isArray(value)) return value.map((inner) => renamed(inner, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renamed(inner, rename)]));
}

interface Faulty {
  readonly at: number;
  readonly eventId: string;
  /** What it sets, but for its type. */
  readonly session: JsonObject;
  /** The relay takes it, and a provider does not. */
  readonly taken: boolean;
}

/** Updates that were refused on this side, or that the relay alone takes. */
function faultyUpdates(events: readonly Normal[], script: Script): readonly Faulty[] {
  const refused = new Set(events.map(({ value }) => textOf(objectOf(value["error"])["event_id"])));
  return script.steps.flatMap((step, at) => {
    if (step.do !== "send" || step.event["type"] !== "session.update") return [];
    const session = objectOf(step.event["session"]);
    const eventId = textOf(step.event["event_id"]);
    const taken = session["type"] === undefined || "unheard_of" in session;
    return taken || (eventId !== "" && refused.has(eventId))
      ? [{ at, eventId, session: without(session, "type"), taken }]
      : [];
  });
}

function sameUpdates(events: readonly Normal[], side: Side, faulty: readonly Faulty[]): readonly Normal[] {
  const told = new Set(
    side === "direct"
      ? events.filter(({ type, value }) =>
          faulty.some(
            ({ taken, eventId }) =>
              taken && type === "error" && objectOf(value["error"])["event_id"] === eventId,
          ),
        )
      : faulty.flatMap(({ at, session }) => {
          const shows = (shown: JsonObject) =>
            Object.keys(session).some((key) => JSON.stringify(shown[key]) === JSON.stringify(session[key]));
          const event = events.find(
            ({ type, step, value }) =>
              type === "session.updated" && step > at && shows(objectOf(value["session"])),
          );
          return event ?? [];
        }),
  );
  return events
    .filter((event) => !told.has(event))
    .map((event) => {
      if (event.type === "response.done" && faulty.some((one) => event.step > one.at))
        return withoutUsage(event);
      if (event.type !== "session.updated") return event;
      const keys = faulty.flatMap(({ at, session }) => (event.step > at ? Object.keys(session) : []));
      const session = without(objectOf(event.value["session"]), ...keys);
      return { ...event, value: { ...event.value, session } };
    });
}

/** Longer instructions, or more tools, are more tokens. */
function withoutUsage(event: Normal): Normal {
  return {
    ...event,
    value: { ...event.value, response: without(objectOf(event.value["response"]), "usage") },
  };
}
