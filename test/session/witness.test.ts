/** A provider that takes the turns: what the relay hears of the caller, and what it may expect for it. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { lastAsk } from "../support/answering.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { expectNextHeard, lose } from "../support/lost-connection.ts";

const SERVER = { name: "wire", options: { adapter: "wire", settings: { turns: "server" } } };
const FALLBACK = { ...SERVER, fallback: [SERVER.options] };

/** Nothing is said for so long, and the client is there. */
function wait(call: Call, seconds: number): void {
  for (let at = 0; at < seconds; at += 1) {
    call.client({ type: "session.heartbeat" });
    call.advance(1000);
  }
}

function spoken(turn_detection: JsonObject, during: (call: Call) => void): Call {
  const session = { audio: { input: { turn_detection } } };
  const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1", session });
  call.speak(silence(500));
  call.speak(voice(2500));
  during(call);
  call.speak(silence(4500));
  return call;
}

const begins = (call: Call) => call.upstream({ type: "speech", state: "started" });
const ends = (call: Call) => {
  call.upstream({ type: "speech", state: "stopped" });
  call.upstream({ type: "committed", item: "theirs" });
};
const answers = (call: Call, asked: string | null = null) => {
  call.upstream({ type: "response.started", response: "own", answers: asked });
  call.upstream({ type: "item.started", response: "own", item: "i", kind: "message" });
  call.upstream({ type: "item.done", response: "own", item: "i", status: "completed" });
  const done = { reason: null, error: null, usage: null, metadata: null };
  call.upstream({ type: "response.done", response: "own", status: "completed", ...done });
};

describe("a provider that takes the turns", () => {
  test.each(["server_vad", "semantic_vad"])(
    "[L63] and has ended the turn and answered before the relay's own endpointer (%s) is not left",
    (type) => {
      const call = spoken({ type }, (one) => {
        begins(one);
        one.speak(silence(200));
        ends(one);
        answers(one);
      });
      wait(call, 40);
      expect(call.open.has("up0.1")).toBe(true);
      expect(call.types()).not.toContain("error");
    },
  );

  test("[L163] nor one that made a turn of a sound over an agent before the relay knew it for one", () => {
    const edge = { name: "edge", options: { adapter: "wire", settings: { turns: "client" } } };
    const call = new Call({ upstreams: [FALLBACK, edge], dialect: "duplex.v1" });
    call.client({ type: "response.create" });
    call.upstream({ type: "response.started", response: "r", answers: lastAsk(call, "up1.1") }, "up1.1");
    call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" }, "up1.1");
    const audio = new Uint8Array(voice(6000).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio }, "up1.1");
    call.speak(silence(600));
    const said = voice(1400, 24_000, 9);
    call.speak(said.subarray(0, 24 * 400));
    expect(call.types()).not.toContain("input_audio_buffer.speech_started");
    begins(call);
    ends(call);
    call.speak(said.subarray(24 * 400));
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    call.speak(silence(4500));
    wait(call, 40);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L63] nor one that decides by meaning and is still hearing a turn that the relay takes for two", () => {
    const call = spoken({ type: "semantic_vad" }, (one) => {
      begins(one);
      one.speak(silence(3500));
      one.speak(voice(5000));
      one.speak(silence(1500));
      ends(one);
      answers(one);
    });
    wait(call, 5);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test.each([
    ["server_vad", 5],
    ["semantic_vad", 9],
  ])(
    "[L63] but one that says that somebody speaks, and then nothing any more, is left (%s)",
    (type, seconds) => {
      const call = spoken({ type }, begins);
      wait(call, seconds);
      expect(call.open.has("up0.1")).toBe(false);
    },
  );

  test("[L85] and is left too when the caller speaks on, after pauses longer than it may wait", () => {
    const call = spoken({ type: "semantic_vad", eagerness: "high" }, (one) => {
      begins(one);
      for (let turn = 0; turn < 3; turn += 1) {
        one.speak(silence(2250));
        one.speak(voice(1000));
      }
      expect(one.open.has("up0.1")).toBe(false);
    });
    expect(call.types()).toContain("error");
  });

  test("[L190] and is left though a shorter pause follows one in which it had to decide", () => {
    const call = spoken({ type: "semantic_vad", eagerness: "high" }, (one) => {
      begins(one);
      one.speak(silence(2250));
      one.speak(voice(500));
      one.speak(silence(1300));
      one.speak(voice(2500));
      expect(one.open.has("up0.1")).toBe(false);
    });
    expect(call.types()).toContain("error");
  });

  test.each([
    ["high", 1500],
    ["auto", 3000],
    ["low", 6000],
  ])(
    "[L120] and is left in the end though no pause is longer than it may wait (%s)",
    (eagerness, pauseMs) => {
      const call = spoken({ type: "semantic_vad", eagerness }, (one) => {
        begins(one);
        for (let turn = 0; turn < 6; turn += 1) {
          one.speak(silence(pauseMs));
          one.speak(voice(1000));
        }
      });
      expect(call.open.has("up0.1")).toBe(false);
      expect(call.types()).toContain("error");
    },
  );

  test("[L120] not while all pauses together are shorter, nor when it made a turn of what it heard", () => {
    const call = spoken({ type: "semantic_vad", eagerness: "low" }, (one) => {
      for (let turn = 0; turn < 8; turn += 1) {
        if (turn % 4 === 0) begins(one);
        one.speak(silence(5000));
        if (turn % 4 === 3) ends(one);
        if (turn % 4 === 3) answers(one);
        one.speak(voice(1000));
      }
    });
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L111] and one that began what was asked of it beside the conversation, and says nothing of the turn, is left", () => {
    const call = spoken({ type: "server_vad" }, (one) => {
      begins(one);
      one.client({ type: "response.create", response: { conversation: "none" } });
      answers(one, lastAsk(one));
    });
    wait(call, 5);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L71] that was parked, and its transcriber, hear what comes at once after a pause once", () => {
    const transcriber = { name: "ear", options: { adapter: "wire", settings: { turns: "server" } } };
    const call = new Call({ upstreams: [SERVER], transcriber, limits: { parkMs: 1000 } });
    call.speak(silence(600));
    // The client is frozen, and sends what it heard meanwhile in one message.
    call.advance(4000);
    expect([...call.open]).toEqual(["client"]);
    const said = voice(700);
    call.append(concat(silence(500), said, silence(1500)));
    for (const peer of ["up0.2", "up1.2"]) {
      call.accept(peer);
      const heard = Buffer.from(call.heard(peer)).toString("hex");
      expect(heard.split(Buffer.from(said.slice(0, 480).buffer).toString("hex"))).toHaveLength(2);
    }
  });

  test("[L72] that is lost while it hears what began before it told its last turn, leaves that to the next connection", () => {
    const call = new Call({ upstreams: [SERVER] });
    const [first, second] = [voice(700, 24_000, 1), voice(900, 24_000, 2)];
    call.append(concat(silence(600), first, silence(1200), second, silence(100)));
    begins(call);
    ends(call);
    begins(call);
    lose(call);
    call.advance(1000);
    call.accept("up0.2");
    call.speak(silence(20));
    expectNextHeard(call, second, first.subarray(9600));
  });

  test("[L112] and one that comes when the client sends nothing any more hears what was said, and the end of it", () => {
    const call = new Call({ upstreams: [SERVER], dialect: "duplex.v1" });
    lose(call);
    const said = voice(900);
    call.speak(concat(silence(500), said, silence(900)));
    // Dialled again and again, and refused; the microphone is off.
    for (let dial = 2; dial < 5; dial += 1) {
      wait(call, 2);
      for (const peer of call.open) {
        if (peer === "client") continue;
        call.open.delete(peer);
        call.input({ type: "close", peer, code: 0, reason: "" });
      }
    }
    wait(call, 8);
    const [peer = ""] = [...call.open].filter((one) => one !== "client");
    call.accept(peer);
    const heard = Buffer.from(call.heard(peer)).toString("hex");
    expect(heard).toContain(Buffer.from(new Uint8Array(said.buffer)).toString("hex"));
    expect(heard.endsWith("00".repeat(48 * 900))).toBe(true);
  });

  test("[L63] but one that has answered the turn before and says nothing of this one is", () => {
    const call = spoken({ type: "server_vad" }, (one) => {
      begins(one);
      ends(one);
      answers(one);
      one.speak(silence(2000));
      one.speak(voice(2500));
    });
    wait(call, 3);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L83] nothing is expected of it when the client is gone before the silence that ends a turn", () => {
    const session = {
      audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 300 } } },
    };
    const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1", session });
    call.speak(concat(silence(500), voice(2500)));
    begins(call);
    call.speak(silence(600));
    expect(call.session.snapshot().context.deadlines.map(([name]) => name)).toContain("link:0.1:answer");
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(10_000);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L83] nor while nothing of the client comes, and it answers what comes then", () => {
    const session = {
      audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 300 } } },
    };
    const call = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1", session });
    call.speak(concat(silence(500), voice(2500)));
    begins(call);
    call.speak(silence(600));
    call.advance(2500);
    expect(call.open.has("up0.1")).toBe(true);
    call.speak(silence(200));
    ends(call);
    answers(call);
    wait(call, 5);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L64] nothing is expected of it where nothing follows from speech", () => {
    const call = spoken({ type: "server_vad", create_response: false }, () => {});
    wait(call, 40);
    expect(call.open.has("up0.1")).toBe(true);
    const session = { audio: { input: { turn_detection: null } } };
    const manual = new Call({ upstreams: [FALLBACK], dialect: "duplex.v1", session });
    manual.speak(voice(2500));
    manual.speak(silence(1500));
    wait(manual, 5);
    expect(manual.open.has("up0.1")).toBe(true);
  });

  test("[L38] it is not asked for an answer while something is being answered", () => {
    const call = new Call({ upstreams: [SERVER], dialect: "duplex.v1", limits: { firstOutputMs: 3000 } });
    call.upstream({ type: "committed", item: "theirs" });
    call.advance(1000);
    call.client({ type: "response.create" });
    call.beginAnswer();
    wait(call, 2);
    expect(call.commandTypes().filter((type) => type === "respond")).toHaveLength(1);
  });

  test("[P2] what it showed is remembered in another isolate, with the names of its turns", () => {
    const call = spoken({ type: "semantic_vad" }, (one) => {
      begins(one);
      one.speak(silence(200));
      ends(one);
      answers(one);
      one.hibernate();
    });
    const { item_id } = call.last("input_audio_buffer.committed");
    const words = { type: "input.transcript.completed", transcript: "Hello.", usage: null } as const;
    call.upstream({ ...words, itemId: "theirs" });
    expect(call.last("conversation.item.input_audio_transcription.completed")).toMatchObject({ item_id });
    wait(call, 5);
    expect(call.open.has("up0.1")).toBe(true);
  });

  test("[L90] that was asked for an answer and says nothing is left, though the caller goes on", () => {
    const session = { audio: { input: { turn_detection: { type: "semantic_vad" } } } };
    const limits = { firstOutputMs: 3000 };
    const call = new Call({ upstreams: [SERVER], dialect: "duplex.v1", session, limits });
    call.speak(concat(silence(500), voice(1400)));
    begins(call);
    call.speak(silence(2500));
    call.client({ type: "response.create" });
    call.speak(concat(silence(300), voice(2500)));
    expect(call.open.has("up0.1")).toBe(true);
    call.speak(voice(500));
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L90] and so it is when the client is gone meanwhile", () => {
    const limits = { firstOutputMs: 3000 };
    const call = new Call({ upstreams: [SERVER], dialect: "duplex.v1", limits });
    call.speak(concat(silence(500), voice(1400)));
    begins(call);
    call.client({ type: "response.create" });
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    call.advance(2900);
    expect(call.open.has("up0.1")).toBe(true);
    call.advance(200);
    expect(call.open.has("up0.1")).toBe(false);
  });

  test("[L91] and that hears later what was said before it came: its turn begins where that was said", () => {
    const call = new Call({ upstreams: [SERVER], dialect: "duplex.v1" });
    lose(call);
    call.speak(concat(silence(1000), voice(900), silence(900)));
    call.accept("up0.2");
    call.speak(silence(100));
    call.upstream({ type: "speech", state: "started" }, "up0.2");
    const first = call.last("input_audio_buffer.speech_started");
    expect(first.audio_start_ms).toBeGreaterThan(500);
    expect(first.audio_start_ms).toBeLessThanOrEqual(1000);
    call.upstream({ type: "speech", state: "stopped" }, "up0.2");
    call.upstream({ type: "committed", item: "theirs" }, "up0.2");
    call.speak(concat(silence(500), voice(400)));
    call.upstream({ type: "speech", state: "started" }, "up0.2");
    expect(call.last("input_audio_buffer.speech_started").audio_start_ms).toBe(3800);
  });
});

describe("a turn that a provider took, and had not answered when its connection broke off", () => {
  const WORDS = {
    type: "input.transcript.completed",
    itemId: "theirs",
    transcript: "Are you there?",
    usage: null,
  } as const;
  const asks = (call: Call, peer = "up0.2") => call.commandTypes(peer).filter((type) => type === "respond");

  function taken(session: JsonObject = {}): Call {
    const call = new Call({ upstreams: [SERVER], session });
    call.speak(silence(500));
    call.speak(voice(1500));
    begins(call);
    call.speak(silence(700));
    ends(call);
    call.upstream(WORDS);
    return call;
  }

  function breaks(call: Call): void {
    lose(call);
  }

  function back(call: Call): void {
    call.advance(2000);
    call.accept("up0.2");
    call.advance(100);
  }

  test("[U309] is answered by the next, which is told it and asked", () => {
    const call = taken();
    breaks(call);
    back(call);
    expect(JSON.stringify(call.commands("up0.2"))).toContain("Are you there?");
    expect(asks(call)).toHaveLength(1);
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
  });

  test("[U309] also when the session's object dies before the next one comes", () => {
    const call = taken();
    breaks(call);
    call.hibernate();
    back(call);
    expect(asks(call)).toHaveLength(1);
  });

  test("[U309] is not asked about where its answer had begun, where nothing answers by itself, or where the caller goes on", () => {
    const answered = taken();
    answers(answered);
    breaks(answered);
    back(answered);
    expect(asks(answered)).toHaveLength(0);
    const quiet = taken({
      audio: { input: { turn_detection: { type: "server_vad", create_response: false } } },
    });
    breaks(quiet);
    back(quiet);
    expect(asks(quiet)).toHaveLength(0);
    const goesOn = taken();
    goesOn.speak(voice(900, 24_000, 5));
    breaks(goesOn);
    back(goesOn);
    expect(asks(goesOn)).toHaveLength(0);
  });
});
