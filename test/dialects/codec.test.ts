/** What every client dialect with a codec has to keep, whatever is said to it. */
import { describe, expect, test } from "vitest";
import type { CarrierName } from "../../src/dialects/twilio/carriers.ts";
import { CLIENT } from "../../src/session/io.ts";
import { changed } from "../support/changed.ts";
import { Call } from "../support/call.ts";
import { seeded } from "../support/signal.ts";
import { type Said, WIRES } from "./wire.ts";

const MU_LAW = { type: "audio/pcmu" } as const;
const G711 = { name: "wire", options: { adapter: "wire", settings: { input: MU_LAW, output: MU_LAW } } };
const CARRIERS = Object.keys(WIRES) as CarrierName[];

function phoneCall(carrier: CarrierName): Call {
  return new Call({
    dialect: carrier,
    dialectSettings: { call: "CA1", greeting: true, keys: true },
    upstreams: [G711],
    session: { audio: { input: { format: MU_LAW, turn_detection: null }, output: { format: MU_LAW } } },
  });
}

/** A call of so many random moments. @param between what happens after each of them. */
function play(carrier: CarrierName, seed: number, between: (call: Call) => void) {
  const random = seeded(seed);
  const call = phoneCall(carrier);
  const wire = WIRES[carrier];
  let sequence = 1;
  let answers = 0;
  const marks: string[] = [];
  const returned = new Set<string>();
  call.client(JSON.stringify(wire.start()));
  for (let moment = 0; moment < 300; moment += 1) {
    marks.push(...call.events.flatMap((message) => wire.markOf(message as Said) ?? []).slice(marks.length));
    if (moment % 80 === 79) {
      call.open.delete(CLIENT);
      call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
      between(call);
      call.advance(500);
      call.connect(carrier);
      between(call);
      // Marks of the last connection do not come any more.
      for (const mark of marks) returned.add(mark);
      call.client(JSON.stringify(wire.start()));
      sequence = 1;
    }
    const what = random();
    if (what < 0.5) {
      sequence += random() < 0.1 ? 3 : 1;
      const bytes = new Uint8Array(160).fill(Math.floor(random() * 127));
      call.client(JSON.stringify(wire.media(sequence, bytes.toBase64())));
    } else if (what < 0.6) {
      const mark = marks.find((name) => !returned.has(name));
      if (mark === undefined) continue;
      returned.add(mark);
      sequence += 1;
      call.client(JSON.stringify(wire.mark(sequence, mark)));
    } else if (what < 0.63) {
      sequence += 1;
      call.client(JSON.stringify(wire.key(sequence, "123#"[Math.floor(random() * 4)] ?? "1")));
    } else if (what < 0.9 && call.commands().filter(({ type }) => type === "respond").length > answers) {
      answers = call.commands().filter(({ type }) => type === "respond").length;
      const [response, item] = [`r${answers}`, `i${answers}`];
      const asked = call.commands().findLast((command) => command.type === "respond");
      if (asked?.type !== "respond") continue;
      call.upstream({ type: "response.started", response, answers: asked.responseId });
      call.upstream({ type: "item.started", response, item, kind: "message" });
      const audio = new Uint8Array(8 * Math.floor(100 + random() * 1500)).fill(0x33).toBase64();
      call.upstream({ type: "audio", response, item, audio });
    }
    between(call);
    call.advance(20);
  }
  return call;
}

/** A telephone that does as its carrier says is refused nothing. */
function faults(call: Call): number {
  return call.actions.filter((action) => action.type === "metric" && action.name === "client_errors").length;
}

describe.each(CARRIERS)("the codec of %s", (carrier) => {
  test.each([1, 2, 3, 4])(
    "[N8] gone on with from its snapshot at every moment it says the same, seed %i",
    (seed) => {
      const whole = play(carrier, seed, () => {});
      const torn = play(carrier, seed, (call) => call.hibernate());
      expect(whole.events.length).toBeGreaterThan(20);
      expect(torn.events).toEqual(whole.events);
      expect(torn.commandTypes()).toEqual(whole.commandTypes());
      expect(faults(torn)).toBe(0);
      expect(faults(whole)).toBe(0);
    },
  );

  test("[N7] four thousand changed messages make nothing throw, and are answered with what a carrier takes", () => {
    const random = seeded(carrier.length);
    const wire = WIRES[carrier];
    const values = [null, 7, "", "x", [], {}, true, -1, 1e99, "start", "stop!", "0", "inbound", "outbound"];
    const silence = new Uint8Array(160).toBase64();
    let call = phoneCall(carrier);
    for (let at = 0; at < 4000; at += 1) {
      const valid = [wire.start(), wire.media(at, silence), wire.mark(at, "1"), wire.key(at, "5")];
      const message = valid[Math.floor(random() * valid.length)] ?? {};
      const text = JSON.stringify(random() < 0.3 ? message : changed(message, values, random));
      call.client(random() < 0.1 ? text.slice(0, Math.floor(random() * text.length)) : text);
      call.advance(20);
      for (const sent of call.events)
        expect(JSON.stringify(sent)).toMatch(
          /^\{"event":"(media|mark|clear|playAudio|checkpoint|clearAudio)"/,
        );
      call.clearEvents();
      // It was turned away, or was refused too often.
      if (!call.open.has(CLIENT)) call = phoneCall(carrier);
    }
  });
});

test.each(CARRIERS)("[E95] %s is told nothing before it says which stream it is", (carrier) => {
  const call = new Call({
    dialect: carrier,
    dialectSettings: { call: "CA1", greeting: false, keys: true },
    upstreams: [
      {
        name: "wire",
        options: { adapter: "wire", settings: { turns: "server", input: MU_LAW, output: MU_LAW } },
      },
    ],
    session: { audio: { input: { format: MU_LAW }, output: { format: MU_LAW } } },
  });
  const say = (): void => {
    call.upstream({ type: "audio", response: "r", item: "i", audio: new Uint8Array(800).toBase64() });
    call.advance(100);
  };
  call.upstream({ type: "response.started", response: "r", answers: null });
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say();
  expect(call.events).toEqual([]);
  call.client(JSON.stringify(WIRES[carrier].start()));
  say();
  expect(call.events.length).toBeGreaterThan(0);
  expect(JSON.stringify(call.events)).not.toContain("null");
});
