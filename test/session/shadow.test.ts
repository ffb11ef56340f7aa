/** An upstream that is tried out: it hears all, is asked for every answer, and nobody hears it. */
import { describe, expect, test } from "vitest";

import { DONE } from "../support/answering.ts";
import { Call, type CallOptions, type Received } from "../support/call.ts";
import { A, asked, B, calls, last, lose, say, told, TURN, typesOf, usage, wire } from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

const SHADOW = { ...wire("candidate"), role: "shadow" } as const;
const shadowed = (options: CallOptions = {}) =>
  new Call({ upstreams: [wire("voice"), SHADOW], dialect: "duplex.v1", ...options });

/** What observers are told; one is there. */
function observed(call: Call): () => readonly Received[] {
  call.open.add("control:1");
  call.input({ type: "observer", peer: "control:1", audio: false, again: false });
  return () =>
    call.actions.flatMap((action) =>
      action.type === "send" && action.peer === "control:1" && typeof action.data === "string"
        ? [JSON.parse(action.data) as Received]
        : [],
    );
}

const shadows = (events: readonly Received[]) =>
  events
    .filter(({ type }) => type === "relay.shadow")
    .map(({ upstream, outcome, after_ms, speaker_after_ms }) => {
      return { upstream, outcome, after_ms, speaker_after_ms };
    });
const metric = (call: Call, name: string) =>
  call.actions.reduce((sum, one) => sum + (one.type === "metric" && one.name === name ? one.value : 0), 0);

/** The candidate says something else, and more slowly. */
function answersBoth(call: Call): void {
  call.advance(100);
  call.answer(voice(200), "Heard.", A);
  call.advance(150);
  call.answer(voice(300, 24_000, 3), "Never heard.", B);
  call.advance(500);
}

describe("a shadow", () => {
  test("[X330] it hears the caller and is asked for the answer, and nothing of it reaches the client", () => {
    const call = asked(shadowed());
    expect(typesOf(call, B)).toEqual(["greet", "commit", "respond"]);
    expect(call.heard(B)).toEqual(call.heard(A));
    answersBoth(call);
    expect(JSON.stringify(call.events)).not.toMatch(/candidate|Never/);
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
    const heard = concat(...call.frames.map(({ payload }) => new Int16Array(payload.slice().buffer)));
    expect(heard).toEqual(voice(200));
  });

  test("[X330] the client is told to the letter what it is told without one", () => {
    const lone = (given: CallOptions) => {
      const call = asked(new Call({ dialect: "duplex.v1", ...given }));
      call.advance(100);
      call.answer(voice(300), "Heard.", A);
      call.advance(900);
      call.client({ type: "response.create" });
      call.advance(100);
      call.answer(voice(300), "Again.", A);
      return call;
    };
    const named = ({ events }: Call) =>
      events.map((event) => JSON.stringify(event).replaceAll(/(event|item|resp)_\w+/g, "$1"));
    const [without, beside] = [
      lone({ upstreams: [wire("voice")] }),
      lone({ upstreams: [wire("voice"), SHADOW] }),
    ];
    expect(named(beside)).toEqual(named(without));
    expect(beside.frames.length).toBe(without.frames.length);
  });

  test("[X331] what it made is forgotten, and it is told what was heard, and asked again", () => {
    const call = asked(shadowed());
    answersBoth(call);
    expect(call.commands(B)).toContainEqual(expect.objectContaining({ type: "delete", itemId: "i" }));
    expect(told(call, B)).toEqual(["Heard."]);
    expect(told(call, A)).toEqual([]);
    call.speak(concat(silence(600), TURN));
    expect(typesOf(call, B).slice(-2)).toEqual(["commit", "respond"]);
  });

  test("[X331] of an answer that is cut it is told what was heard, and its own is stopped", () => {
    const call = asked(shadowed());
    call.beginAnswer(A);
    say(call, A, 3000, "One two three four five six.");
    call.beginAnswer(B);
    say(call, B, 1000, "Never heard.");
    call.advance(500);
    call.client({ type: "output_audio_buffer.clear" });
    expect(typesOf(call, B)).toContain("cancel");
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, A);
    const [words = ""] = told(call, B);
    expect(words).toMatch(/^One/);
    expect(words).not.toContain("four");
  });

  test("[X332] a tool that it calls is not called, and it is told what the speaker's gave", () => {
    const call = asked(shadowed());
    const events = observed(call);
    calls(call, B, "shadow");
    calls(call, A, "own");
    expect(JSON.stringify(call.events)).not.toContain("shadow");
    const output = { type: "function_call_output", call_id: "own", output: "42" };
    call.client({ type: "conversation.item.create", item: output });
    expect(told(call, B)).toEqual(["function_call", "function_call_output"]);
    expect(shadows(events())).toMatchObject([{ upstream: "candidate", outcome: "called_tool" }]);
  });

  test("[X332] it is given no tool that its provider would run by itself", () => {
    const look = { type: "function", name: "look", parameters: {} };
    const shop = { type: "mcp", server_label: "shop", server_url: "https://shop.test/mcp" };
    const call = shadowed({
      session: { tools: [look, shop], tool_choice: { type: "mcp", server_label: "shop" } },
    });
    const given = (peer: string) =>
      call
        .commands(peer)
        .flatMap((command): readonly object[] => {
          if (command.type === "configure" || command.type === "greet") return [command.config];
          return command.type === "respond" ? [command.options.params] : [];
        })
        .at(-1);
    expect(given(A)).toMatchObject({ tools: [look, shop], toolChoice: { type: "mcp" } });
    expect(given(B)).toMatchObject({ tools: [look], toolChoice: "auto" });
    call.client({ type: "session.update", session: { tools: [shop], tool_choice: "required" } });
    expect(given(A)).toMatchObject({ tools: [shop], toolChoice: "required" });
    expect(given(B)).toMatchObject({ tools: [], toolChoice: "auto" });
    call.client({ type: "response.create", response: { tools: [shop, look], tool_choice: "required" } });
    expect(given(A)).toMatchObject({ tools: [shop, look], tool_choice: "required" });
    expect(given(B)).toMatchObject({ tools: [look], tool_choice: "required" });
    // Its next connection is greeted with no more.
    lose(call, B);
    call.advance(1500);
    call.accept("up1.2");
    expect(call.commands("up1.2").find(({ type }) => type === "greet")).toMatchObject({
      config: { tools: [] },
    });
  });

  test("[X333] observers are told how it did, beside the speaker, and counters have it; no client is", () => {
    const call = asked(shadowed());
    const events = observed(call);
    const before = call.now;
    answersBoth(call);
    expect(call.now).toBeGreaterThan(before);
    const [one] = shadows(events());
    expect(shadows(events())).toHaveLength(1);
    expect(one).toMatchObject({ upstream: "candidate", outcome: "answered" });
    expect(Number(one?.["after_ms"]) - Number(one?.["speaker_after_ms"])).toBe(150);
    expect(metric(call, "shadow_first_ms") - metric(call, "shadow_speaker_ms")).toBe(150);
    expect(metric(call, "shadow_answered")).toBe(1);
    expect(call.types()).not.toContain("relay.shadow");
  });

  test("[X333] silence is no answer, nor is a failure, and what never ends is stopped", () => {
    const outcomes = (play: (call: Call) => void) => {
      const call = asked(shadowed());
      const events = observed(call);
      call.answer(voice(200), "Heard.", A);
      play(call);
      call.advance(130_000);
      return shadows(events()).map(({ outcome }) => outcome);
    };
    expect(outcomes(() => {})).toEqual(["silent"]);
    const error = { code: "overloaded", message: "Not now." };
    expect(
      outcomes((call) => {
        call.beginAnswer(B);
        call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", error }, B);
      }),
    ).toEqual(["failed"]);
    expect(outcomes((call) => lose(call, B))).toEqual(["failed"]);
    expect(
      outcomes((call) => {
        call.beginAnswer(B);
        for (let at = 0; at < 130; at += 1) {
          say(call, B, 100);
          call.advance(1000);
        }
      }),
    ).toEqual(["endless"]);
  });

  test("[X333] one that stands still has as long as a speaker has, and has failed then", () => {
    const call = asked(shadowed());
    const events = observed(call);
    call.answer(voice(200), "Heard.", A);
    call.beginAnswer(B);
    say(call, B, 100);
    call.advance(20_000);
    say(call, B, 100);
    call.advance(29_000);
    expect(shadows(events())).toEqual([]);
    call.advance(1500);
    expect(shadows(events())).toMatchObject([{ outcome: "failed" }]);
    expect(last(call, B)).toMatchObject({ type: "delete", itemId: "i" });
    expect(typesOf(call, B)).toContain("cancel");
  });

  test("[X333] what a speaker still says of its last answer is not taken for the beginning of this one", () => {
    const call = asked(shadowed());
    const events = observed(call);
    call.beginAnswer(A);
    say(call, A, 200, "Heard.");
    call.client({ type: "response.cancel" });
    call.client({ type: "response.create" });
    say(call, A, 200);
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, A);
    call.advance(300);
    call.answer(voice(200), "Heard too.", A);
    call.answer(voice(200), "Never heard.", B);
    call.advance(1000);
    expect(shadows(events()).at(-1)).toMatchObject({ outcome: "answered", speaker_after_ms: 300 });
  });

  test("[X334] that it is lost, refuses, fails or is not there changes nothing for the call", () => {
    const call = asked(shadowed());
    const seen = call.events.length;
    call.upstream({ type: "error", error: { code: "bad", message: "Bad." }, fatal: false }, B);
    lose(call, B);
    expect(call.events.length).toBe(seen);
    call.answer(voice(200), "Heard.", A);
    call.advance(700);
    call.speak(TURN);
    expect(last(call, A)?.type).toBe("respond");
    call.answer(voice(200), "Again.", A);
    expect(JSON.stringify(call.events)).not.toContain("candidate");
    const shown = call.session.state().upstreams;
    expect(shown.map(({ name, role }) => [name, role])).toEqual([
      ["voice", undefined],
      ["candidate", "shadow"],
    ]);
  });

  test("[X334] a new connection of it is told the conversation", () => {
    const call = asked(shadowed());
    call.answer(voice(200), "Heard.", A);
    lose(call, B);
    call.advance(1500);
    call.accept("up1.2");
    expect(told(call, "up1.2")).toContain("Heard.");
  });

  test("[X335] it goes on in another isolate, and dies with the object without a trace", () => {
    const call = asked(shadowed());
    const events = observed(call);
    call.beginAnswer(B);
    call.hibernate();
    call.open.add("control:1");
    call.input({ type: "observer", peer: "control:1", audio: false, again: true });
    call.answer(voice(200), "Heard.", A);
    say(call, B, 100);
    call.finishAnswer(B);
    expect(shadows(events())).toMatchObject([{ outcome: "answered" }]);
    call.crash(call.session.snapshot());
    expect(JSON.stringify(call.events)).not.toContain("candidate");
  });

  test("[X335] what it had not ended by then is no failure of it", () => {
    for (const dialect of ["realtime", "duplex.v1"] as const) {
      const call = asked(shadowed({ dialect }));
      call.beginAnswer(B);
      call.answer(voice(200), "Heard.", A);
      call.advance(1000);
      call.crash(call.session.snapshot());
      const events = observed(call);
      call.connect(dialect);
      if (dialect === "duplex.v1") call.client({ type: "session.heartbeat" });
      call.advance(60_000);
      expect(shadows(events())).toEqual([]);
      expect(metric(call, "shadow_failed"), dialect).toBe(0);
    }
  });

  test("[X336] asked in advance it is asked in advance, and what was taken back is stopped", () => {
    const call = shadowed({ session: { relay: { eager_ms: 100 } } });
    call.speak(concat(silence(600), voice(1200), silence(300)));
    call.beginAnswer(B);
    say(call, B, 100, "Soon.");
    call.speak(concat(voice(600, 24_000, 3), silence(900)));
    expect(typesOf(call, B).filter((type) => type === "respond").length).toBeGreaterThan(1);
    expect(call.commands(B)).toContainEqual(expect.objectContaining({ type: "delete", itemId: "i" }));
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
  });

  test("[X363] what it said is told, in another isolate as well, up to a bound, and to observers alone", () => {
    const call = asked(shadowed());
    const events = observed(call);
    const writes = (delta: string) => call.upstream({ type: "text", response: "r", item: "i", delta }, B);
    call.beginAnswer(B);
    say(call, B, 100, "The caller is ");
    writes("angry.");
    call.hibernate();
    call.open.add("control:1");
    call.input({ type: "observer", peer: "control:1", audio: false, again: true });
    writes(" Very.");
    call.finishAnswer(B);
    call.answer(voice(200), "Heard.", A);
    const told = (): unknown[] =>
      events().flatMap((one) => (one.type === "relay.shadow" ? [one["text"]] : []));
    expect(told()).toEqual(["The caller is angry. Very."]);
    expect(JSON.stringify(call.events)).not.toContain("angry");
    call.advance(1000);
    asked(call);
    call.beginAnswer(B);
    for (let at = 0; at < 50; at += 1) writes("x".repeat(1000));
    call.finishAnswer(B);
    call.answer(voice(200), "Again.", A);
    expect(told()[1]).toBe("x".repeat(4096));
  });

  test("[X337] what it costs is counted apart, and told to observers alone", () => {
    const prices = [{ outputTokensPerMillion: 1e6 }];
    const call = asked(
      shadowed({
        upstreams: [
          { ...wire("voice"), prices },
          { ...SHADOW, prices },
        ],
      }),
    );
    const events = observed(call);
    call.beginAnswer(A);
    call.beginAnswer(B);
    say(call, B, 100);
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed", usage: usage(5) }, B);
    say(call, A, 100);
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed", usage: usage(7) }, A);
    expect(call.last("relay.cost")).toMatchObject({ cost: 7, session_cost: 7 });
    expect(JSON.stringify(call.events)).not.toContain("candidate");
    const costs = events().filter(({ type }) => type === "relay.cost");
    expect(costs.map(({ cost, shadows: of }) => [cost, of])).toEqual([
      [7, undefined],
      [5, true],
    ]);
    const state = call.session.state();
    expect(state.cost).toMatchObject({ cost: 7, shadows: { cost: 5 } });
    expect(state.usage["total_tokens"]).toBe(7);
    expect(state.upstreams[1]?.usage).toMatchObject({ total_tokens: 5 });
    call.session.terminate(call.now);
    expect(metric(call, "cost_shadow_millionths")).toBe(5e6);
  });

  test("[X338] beside a race all voices are raced, and it is asked once", () => {
    const call = asked(
      shadowed({ upstreams: [wire("one"), wire("two"), SHADOW], strategy: { name: "race" } }),
    );
    expect(typesOf(call, "up2.1")).toEqual(["greet", "commit", "respond"]);
    call.beginAnswer("up2.1");
    say(call, "up2.1", 100, "First of all.");
    expect(call.types()).not.toContain("response.created");
    call.answer(voice(100), "Heard.", B);
    expect(call.last("relay.race")).toMatchObject({ upstream: "two", others: [{ upstream: "one" }] });
    expect(told(call, "up2.1")).toEqual(["Heard."]);
    const tagged = asked(shadowed({ upstreams: [wire("one"), wire("two"), SHADOW] }));
    expect(typesOf(tagged, "up2.1")).toEqual(["greet", "commit", "respond"]);
  });

  test("[X338] out of band it is asked nothing", () => {
    const call = shadowed();
    call.client({ type: "response.create", response: { conversation: "none" } });
    expect(last(call, A)?.type).toBe("respond");
    expect(typesOf(call, B)).toEqual(["greet"]);
  });
});
