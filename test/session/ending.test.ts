/** The end is the end; and nothing but what ends a call ends it. */
import { describe, expect, test } from "vitest";

import { Deadlines } from "../../src/session/deadlines.ts";
import type { Action } from "../../src/session/io.ts";
import type { Upstream, UpstreamFactory } from "../../src/upstreams/upstream.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const TURN = concat(silence(600), voice(1200), silence(900));

function lose(call: Call, peer: string, code = 1006): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code, reason: "" });
}

const kinds = (actions: readonly Action[]) => actions.map(({ type }) => type);

describe("the end of a session", () => {
  test("[P5] is its last action, whatever else was due in the same call", () => {
    const call = new Call({ dialect: "duplex.v1", limits: { redialFirstMs: 59_900, redialMostMs: 59_900 } });
    lose(call, "client");
    call.advance(50);
    lose(call, "up0.1");
    call.now += 60_000;
    const actions = call.input({ type: "timeout" });
    expect(kinds(actions).at(-1)).toBe("end");
    expect(kinds(actions)).not.toContain("dial");
    expect(call.session.deadline).toBeNull();
  });

  test("[P5] comes once: what is handed in after it, another end included, does nothing", () => {
    const call = new Call();
    expect(kinds(call.session.terminate(call.now)).at(-1)).toBe("end");
    expect(call.session.terminate(call.now)).toEqual([]);
    expect(call.session.handle({ type: "timeout" }, call.now + 1e9)).toEqual([]);
    expect(call.session.handle({ type: "close", peer: "up0.1", code: 1000, reason: "" }, call.now)).toEqual(
      [],
    );
    expect(call.session.deadline).toBeNull();
  });
});

describe("deadlines", () => {
  test("[P8] one that an earlier one of the same call cleared or moved is not met any more", () => {
    const deadlines = new Deadlines();
    for (const [name, at] of [
      ["first", 1],
      ["cleared", 2],
      ["moved", 3],
      ["last", 4],
    ] as const)
      deadlines.set(name, at);
    const met: string[] = [];
    deadlines.work(10, (name) => {
      met.push(name);
      if (name !== "first") return;
      deadlines.clear("cleared");
      deadlines.set("moved", 20);
    });
    expect(met).toEqual(["first", "last"]);
    expect(deadlines.next).toBe(20);
  });

  test("[P8] a provider's foreseen end does not hit the standby that took over in the same call", () => {
    const settings = { maxSessionMs: 10_000 };
    const upstream = {
      ...WIRE,
      options: { adapter: "wire", settings },
      standby: true,
      fallback: [WIRE.options],
    };
    const call = new Call({ upstreams: [upstream] });
    call.accept("up0.2");
    call.client({ type: "response.create" });
    // Both are due: the stalled answer, and the end of the first connection.
    call.advance(1000);
    call.now += 60_000;
    call.input({ type: "timeout" });
    const lost = call.actions.filter((action) => action.type === "metric" && action.name === "upstream_lost");
    expect(lost).toHaveLength(1);
  });

  test("[P9] a clock that steps back and is put right again brings nothing before its time", () => {
    const call = new Call();
    const step = 3_600_000;
    for (let at = 0; at < 5; at += 1) {
      call.now -= step;
      call.input({ type: "timeout" });
      call.advance(1000);
      call.now += step;
      call.input({ type: "timeout" });
      call.advance(1000);
    }
    const left = (call.session.deadline ?? 0) - call.now;
    call.advance(left + 1);
    const { actions } = call;
    // Four hours of session, and five hours of steps: nothing ended it.
    expect(kinds(actions)).not.toContain("end");
  });
});

describe("a fault inside", () => {
  test("[P7] too many answers at a redial do not end the call; what broke off is continued when there is room", () => {
    const call = new Call({ limits: { activeResponses: 3 } });
    call.speak(TURN);
    call.beginAnswer();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Once upon" });
    const audio = new Uint8Array(voice(500).slice().buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    for (let at = 0; at < 2; at += 1)
      call.client({ type: "response.create", response: { conversation: "none" } });
    lose(call, "up0.1");
    call.client({ type: "response.create", response: { conversation: "none" } });
    call.advance(600);
    call.accept("up0.2");
    expect(call.commandTypes("up0.2").filter((type) => type === "respond")).toHaveLength(3);
    const [side] = call.commands("up0.2").filter((command) => command.type === "respond");
    const answers = side?.type === "respond" ? side.responseId : null;
    call.upstream({ type: "response.started", response: "s", answers }, "up0.2");
    const done = { reason: null, error: null, usage: null, metadata: null };
    call.upstream({ type: "response.done", response: "s", status: "completed", ...done }, "up0.2");
    const asked = call
      .commands("up0.2")
      .flatMap((command) => (command.type === "respond" ? [command.options] : []));
    // The one beside for which there was no room is asked for when one has ended.
    expect(asked.map(({ outOfBand }) => outOfBand)).toEqual([true, true, false, true]);
    expect(asked[2]?.params).toMatchObject({ instructions: expect.stringContaining("do not repeat") });
  });

  test("[P7] nor does a silence that becomes a turn while as many run as may", () => {
    const turn_detection = { type: "server_vad", idle_timeout_ms: 5000 };
    const call = new Call({
      limits: { activeResponses: 1 },
      session: { audio: { input: { turn_detection } } },
    });
    call.speak(TURN);
    call.answer(voice(100), "Yes.");
    call.client({ type: "response.create", response: { conversation: "none" } });
    call.speak(silence(7000));
    expect(call.open.has("client")).toBe(true);
    expect(call.session.state().status).toBe("connected");
  });

  test("[P7] nor what a provider says that the relay fails at: its connection is given up, aloud", () => {
    const faulty: UpstreamFactory = (options) => {
      const made = createWireUpstream(options);
      return new Proxy<Upstream>(made, {
        get: (target, name) =>
          name === "decode"
            ? (message: string) => {
                if (message === '"boom"') throw new TypeError("a fault of the adapter's");
                return target.decode(message);
              }
            : Reflect.get(target, name, target),
      });
    };
    const call = new Call({ createUpstream: faulty, faulty: true, dialect: "duplex.v1" });
    call.speak(TURN);
    call.input({ type: "message", peer: "up0.1", data: '"boom"' });
    expect(call.last("error")["error"]).toMatchObject({ type: "server_error", code: "internal_error" });
    expect(call.open.has("up0.1")).toBe(false);
    call.advance(300);
    call.accept("up0.2");
    call.answer(voice(100), "Here.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[P7] nor a client's item under the name of the turn that is being spoken", () => {
    const settings = { turns: "server" };
    const call = new Call({ upstreams: [{ ...WIRE, options: { adapter: "wire", settings } }] });
    call.upstream({ type: "speech", state: "started" });
    const { item_id } = call.last("input_audio_buffer.speech_started");
    const content = [{ type: "input_text", text: "mine" }];
    const item = { id: String(item_id), type: "message", role: "user", content };
    call.client({ type: "conversation.item.create", item });
    call.upstream({ type: "committed", item: "theirs" });
    expect(call.session.state().status).toBe("connected");
    call.client({ type: "response.create" });
    call.answer(voice(100));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });
});
