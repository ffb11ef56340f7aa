/** Calls whose provider keeps its session when a socket breaks off: the next socket goes on with it, and nobody notices. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { concat, seeded, silence, voice } from "../support/signal.ts";
import { VllmDuplexCall } from "../support/vllm-duplex-call.ts";

const sound = (ms: number, seed = 1) => {
  const random = seeded(seed);
  return Uint8Array.from({ length: ms * 48 }, (_, at) => (at % 2 === 0 ? Math.floor(random() * 256) : 2));
};
const kinds = (live: VllmDuplexCall) => live.server.received.map(({ type }) => type);

describe("a socket that breaks off", () => {
  test("[U236] in mid-answer is followed by one that goes on: no sample is lost or doubled, and nobody is told", () => {
    const live = new VllmDuplexCall();
    const said = sound(1200);
    live.say(live.server.begins("resp_1"));
    live.say(live.server.unit("resp_1", said.subarray(0, 24_000), "First"));
    live.kill();
    live.server.unit("resp_1", said.subarray(24_000, 40_000), " and second");
    live.pass(60);
    expect(live.servers).toHaveLength(2);
    live.say(live.server.unit("resp_1", said.subarray(40_000), " and third."));
    live.say(live.server.ends("resp_1"));
    live.pass(100);
    expect(live.audio()).toEqual(said);
    const { call } = live;
    expect(call.types()).not.toContain("error");
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
    const { response } = call.last("response.done") as unknown as { response: { status: string } };
    expect(response.status).toBe("completed");
    expect(JSON.stringify(response)).toContain("First and second and third.");
    expect(kinds(live).slice(0, 1)).toEqual(["session.resume"]);
    expect(live.sessions.size).toBe(1);
    expect(live.servers.map(({ refused }) => refused)).toEqual([[], []]);
  });

  test("[U236] what the caller said meanwhile reaches the session, in order, and nothing twice", () => {
    const live = new VllmDuplexCall();
    const said = voice(2000);
    live.pass(1000, said.subarray(0, 24_000));
    live.kill();
    live.call.append(said.subarray(24_000, 24_480));
    live.pass(980, said.subarray(24_480));
    const heard = live.server.open.heard;
    // At the session's 16 kHz; the resampler keeps the last of it.
    expect(heard.length).toBeGreaterThan(2000 * 32 - 640);
    expect(heard.length).toBeLessThanOrEqual(2000 * 32);
    const whole = new VllmDuplexCall();
    whole.pass(2000, said);
    expect(heard).toEqual(whole.server.open.heard.slice(0, heard.length));
  });

  test("[U237] two hundred times in one call: it is one session, nothing is lost or doubled, and all is known to be heard", () => {
    const live = new VllmDuplexCall({}, { limits: { dialsPerMinute: 1000 } });
    const random = seeded(7);
    const all: number[] = [];
    for (let n = 0; n < 200; n++) {
      const response = `resp_${n}`;
      const said = sound(60 + 20 * Math.floor(random() * 6), n + 1);
      all.push(...said);
      const cut = 2 * Math.floor((random() * said.length) / 2);
      live.pass(40, random() < 0.5 ? voice(40) : silence(40));
      live.say(live.server.begins(response));
      if (cut > 0) live.say(live.server.unit(response, said.subarray(0, cut), "a"));
      const before = live.server;
      live.kill();
      if (random() < 0.5) before.unit(response, said.subarray(cut), "b");
      const late = before.open.answers.get(response)?.ms !== said.length / 48;
      live.pass(40);
      if (late) live.say(live.server.unit(response, said.subarray(cut), "b"));
      live.say(live.server.ends(response));
      live.pass(240);
    }
    expect(live.servers).toHaveLength(201);
    expect(live.sessions.size).toBe(1);
    expect(live.audio()).toEqual(Uint8Array.from(all));
    expect(live.servers.flatMap(({ refused }) => refused)).toEqual([]);
    const { answers } = live.server.open;
    for (const [name, { ms, heardMs }] of answers) expect([name, heardMs]).toEqual([name, Math.floor(ms)]);
    expect(live.call.types()).not.toContain("error");
  });

  test("[U238] where the session is gone, the loss is told and another one is told the conversation", () => {
    const live = new VllmDuplexCall({}, { dialect: "duplex.v1" });
    live.say(live.server.answers("resp_1", sound(400), undefined, "Good day."));
    live.pass(1000);
    live.say(live.server.begins("resp_2"));
    live.say(live.server.unit("resp_2", sound(400), "And then"));
    for (const session of live.sessions.values()) session.expired = true;
    live.kill();
    live.pass(3000);
    expect(live.sessions.size).toBe(2);
    expect(live.servers.map((server) => server.received[0]?.type)).toEqual([
      "session.update",
      "session.resume",
      "session.update",
    ]);
    expect(JSON.stringify(live.server.open.history)).toContain("Good day.");
    const faults = live.call.events.filter(({ type }) => type === "error");
    expect(faults).toHaveLength(1);
    expect(JSON.stringify(faults)).not.toContain("token_");
  });

  test("[U238] a gap in the journal, or a provider that keeps nothing, is a loss like any other", () => {
    const gap = new VllmDuplexCall();
    for (const session of gap.sessions.values()) session.dropped = 99;
    gap.kill();
    gap.pass(3000);
    expect(gap.sessions.size).toBe(2);
    const none = new VllmDuplexCall({ resumes: false }, { dialect: "duplex.v1" });
    none.kill();
    none.pass(3000);
    expect(none.servers.map((server) => server.received[0]?.type)).toEqual([
      "session.update",
      "session.update",
    ]);
    expect(none.call.types()).toContain("error");
  });

  test("[U238] where nobody answers the dial, the loss is told then, and it is dialled again", () => {
    const live = new VllmDuplexCall({}, { dialect: "duplex.v1" });
    live.down = true;
    live.kill();
    live.pass(400);
    expect(live.call.types()).toContain("error");
    live.down = false;
    live.pass(5000);
    expect(live.sessions.size).toBe(2);
  });
});

describe("an answer that was asked for, and has not begun", () => {
  const TURN = concat(silence(200), voice(1500), silence(900));
  const WORDS = { type: "message", role: "user", content: [{ type: "input_text", text: "And be brief." }] };

  /** It was asked about a turn and a line of text. */
  function asked(settings: JsonObject = {}): VllmDuplexCall {
    const live = new VllmDuplexCall({ resumes: false }, {}, settings);
    live.say(live.server.answers("resp_0", sound(400), undefined, "Good day."));
    live.pass(TURN.length / 24, TURN);
    live.call.client({ type: "conversation.item.create", item: WORDS });
    live.call.client({ type: "response.create" });
    return live;
  }

  test.each(["is lost", "is at its longest"])(
    "[L211] is asked of the next session, which hears the turn, when that of a duplex model %s",
    (how) => {
      const live = asked(how === "is lost" ? {} : { maxSessionMs: 10_000 });
      if (how === "is lost") live.kill();
      live.pass(9000);
      expect(live.sessions.size).toBe(2);
      const told = kinds(live).filter((kind, at, all) => kind !== all[at - 1]);
      const history = ["session.update", "conversation.item.create", "input_audio_buffer.append"];
      expect(told.slice(0, 5)).toEqual([...history, "conversation.item.create", "input_audio_buffer.commit"]);
      expect(live.server.refused).toEqual([]);
      // The turn alone, at the session's 16 kHz.
      const heardMs = live.server.open.heard.length / 32;
      expect(heardMs).toBeGreaterThan(1800);
      expect(heardMs).toBeLessThan(TURN.length / 24);
      live.say(live.server.answers("resp_9", sound(400), undefined, "Briefly: yes."));
      expect(live.call.last("response.done")["response"]).toMatchObject({ status: "completed" });
      expect(live.call.types().filter((type) => type === "response.created")).toHaveLength(2);
    },
  );
});

describe("an answer that was asked for as the socket broke off", () => {
  const TURN = concat(silence(200), voice(1500), silence(900));

  /** @param arrives the commit reached the provider, and its news did not come back. */
  function brokeOff(arrives: boolean): VllmDuplexCall {
    const live = new VllmDuplexCall();
    live.say(live.server.answers("resp_0", sound(400), undefined, "Good day."));
    live.pass(TURN.length / 24 - 20, TURN);
    const { server } = live;
    live.call.client({ type: "response.create" });
    const asked = live.call.commands(live.peer).at(-1);
    expect(asked).toMatchObject({ type: "input_audio_buffer.commit", response_create: true });
    if (arrives) server.receive(JSON.stringify(asked));
    live.kill(true);
    live.pass(200);
    return live;
  }
  const commits = (live: VllmDuplexCall) =>
    live.servers.flatMap((server) => server.of("input_audio_buffer.commit")).length;

  test("[U246] is asked of the session that was taken over, where the ask never came", () => {
    const live = brokeOff(false);
    expect(live.sessions.size).toBe(1);
    expect(commits(live)).toBe(1);
    live.say(live.server.answers("resp_1", sound(400), undefined, "Yes."));
    live.pass(600);
    expect(live.call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(live.call.types().filter((type) => type === "response.created")).toHaveLength(2);
    expect(live.servers.flatMap(({ refused }) => refused)).toEqual([]);
  });

  test("[U246] and not where it came, which the session tells", () => {
    const live = brokeOff(true);
    expect(live.sessions.size).toBe(1);
    expect(commits(live)).toBe(1);
    live.say(live.server.answers("resp_1", sound(400), undefined, "Yes."));
    live.pass(600);
    expect(live.call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(live.servers.flatMap(({ refused }) => refused)).toEqual([]);
  });
});

test("[U235] it is told how much of an answer was heard, as it is heard, and its history has that", () => {
  const live = new VllmDuplexCall();
  live.say(live.server.answers("resp_1", sound(2000), [24_000], "A long story."));
  live.pass(1000);
  const part = live.server.remembered("resp_1");
  expect(part).toBeGreaterThan(600);
  expect(part).toBeLessThanOrEqual(1040);
  live.pass(1500);
  expect(live.server.remembered("resp_1")).toBe(2000);
  expect(live.server.refused).toEqual([]);
});

test("[U303] of an answer that comes as it is spoken it is told nothing twice", () => {
  const live = new VllmDuplexCall();
  const said = sound(2000);
  live.say(live.server.begins("resp_1"));
  for (let at = 0; at < said.length; at += 80 * 48) {
    live.say(live.server.unit("resp_1", said.subarray(at, at + 80 * 48), "so "));
    live.pass(80);
  }
  live.say(live.server.ends("resp_1"));
  live.pass(500);
  const told = live.server.of("playback.ack").map(({ played_ms }) => Number(played_ms));
  expect(told).toEqual([...new Set(told)]);
  expect(told.at(-1)).toBe(2000);
  expect(told.length).toBeLessThan(14);
});

test("[U305] one that has a voice and a part of its own is gone on with, and told what was heard, like any other", () => {
  const live = new VllmDuplexCall({}, {}, {}, { voice: "anna", instructions: "You are Anna." });
  expect(JSON.stringify(live.server.received[0])).toContain("You are Anna.");
  live.say(live.server.begins("resp_1"));
  const said = sound(1000);
  live.say(live.server.unit("resp_1", said.subarray(0, 24_000), "First"));
  live.kill();
  live.pass(60);
  live.say(live.server.unit("resp_1", said.subarray(24_000), " and second."));
  live.say(live.server.ends("resp_1"));
  live.pass(1200);
  expect(live.sessions.size).toBe(1);
  expect(live.audio()).toEqual(said);
  expect(live.server.remembered("resp_1")).toBe(1000);
  expect(live.call.types()).not.toContain("error");
});
