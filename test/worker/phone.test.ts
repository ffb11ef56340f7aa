/** Telephone calls through the doors and the object, to an upstream that says back what it hears. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Phone } from "../../tools/phone/phone.ts";
import { bearer, call, callWith } from "./doors.ts";
import { evict, keysOf, pass, stateOf } from "./object.ts";
import { connect } from "./socket.ts";

// As in voice-session.test.ts: tests say what time it is in the object.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

const CONFIG = {
  routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } },
  twilio: { numbers: { "*": { model: "echo" } } },
};
const LOOPBACK = "http://127.0.0.1:8787";
/** A caller's voice in which no byte is silence. */
const VOICE = 0x31;

class Caller {
  readonly callSid = `CA${crypto.randomUUID()}`;
  readonly phone: Phone;
  session = "";
  again = "";
  socket!: WebSocket;
  closed = false;
  frames = 0;

  constructor() {
    const voice = () => new Uint8Array(160).fill(VOICE);
    this.phone = new Phone({ callSid: this.callSid, streamSid: "MZ1" }, 0, voice);
  }

  static async ring(): Promise<Caller> {
    const caller = new Caller();
    await caller.answer(`${LOOPBACK}/v1/twilio`, caller.phone.begin());
    return caller;
  }

  /** @returns false: the relay says to hang up. */
  async answer(webhook: string, first: readonly string[]): Promise<boolean> {
    const body = new URLSearchParams({ CallSid: this.callSid, To: "+15550001" });
    const response = await callWith(CONFIG, {}, new Request(webhook, { method: "POST", body }));
    const twiml = await response.text();
    if (twiml.includes("<Hangup/>")) return false;
    this.session = /name="session" value="([^"]+)"/.exec(twiml)?.[1] ?? "";
    this.again = /<Redirect[^>]*>([^<]+)</.exec(twiml)?.[1] ?? "";
    const stream = (/<Stream url="([^"]+)"/.exec(twiml)?.[1] ?? "").replace(/^ws/, "http");
    const upgrade = new Request(stream, { headers: { Upgrade: "websocket" } });
    const upgraded = await callWith(CONFIG, {}, upgrade);
    if (upgraded.webSocket === null) throw new Error(`${upgraded.status} ${await upgraded.text()}`);
    const socket = upgraded.webSocket;
    this.socket = socket;
    this.closed = false;
    socket.addEventListener("message", ({ data }) => {
      for (const message of this.phone.receive(data as string)) socket.send(message);
    });
    socket.addEventListener("close", () => {
      if (this.socket === socket) this.closed = true;
    });
    socket.accept();
    for (const message of first) socket.send(message);
    return true;
  }

  /** 20 ms after 20 ms. */
  async talk(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 20) {
      this.frames += 1;
      for (const message of this.phone.tick(this.frames * 20)) this.socket.send(message);
      await pass(this.session, 20);
    }
  }

  /** Milliseconds of the echo that came out of the loudspeaker. */
  get echoMs(): number {
    return this.phone.heard.filter((byte) => byte === VOICE).length / 8;
  }
}

describe("a telephone call", () => {
  test("[N1] is heard and answered in G.711, with what the telephone knows and nothing else", async () => {
    const caller = await Caller.ring();
    await caller.talk(600);
    expect(caller.echoMs).toBeGreaterThanOrEqual(400);
    expect(caller.phone.faults).toEqual([]);
    caller.socket.send(caller.phone.stop());
    await pass(caller.session, 20);
  });

  test("[N9] is over when the caller hangs up: the session, its place and its storage too", async () => {
    const caller = await Caller.ring();
    await caller.talk(200);
    expect(await stateOf(caller.session, bearer("key-operator"))).toMatchObject({ status: "connected" });
    caller.socket.send(caller.phone.stop());
    await pass(caller.session, 100);
    expect(await stateOf(caller.session, bearer("key-operator"))).toMatchObject({ status: "ended" });
    expect(caller.closed).toBe(true);
    expect(await keysOf(caller.session)).not.toContain("moment");
    expect(await caller.answer(caller.again, [])).toBe(false);
  });

  test("[N31] [N34] is seen and steered by an observer, in OpenAI's words", async () => {
    const caller = await Caller.ring();
    await caller.talk(100);
    const observer = await connect(`/v1/sessions/${caller.session}/control`, bearer("key-operator"));
    const { session } = await observer.event("session.created");
    expect(session).toMatchObject({ audio: { output: { format: { type: "audio/pcmu" } } } });
    const content = [{ type: "input_text", text: "The caller is a guest." }];
    const item = { type: "message", role: "system", content };
    observer.send({ type: "conversation.item.create", item });
    await observer.event("conversation.item.done");
    await caller.talk(300);
    expect(caller.phone.faults).toEqual([]);
    observer.send({ type: "relay.end" });
    expect((await observer.closed).code).toBe(1000);
    await vi.waitFor(() => expect(caller.closed).toBe(true));
  });

  test("[N13] whose object died is taken up again, and said on where the caller stopped hearing", async () => {
    const caller = await Caller.ring();
    await caller.talk(600);
    const before = caller.echoMs;
    await pass(caller.session, 1500);
    await evict(caller.session, { webSockets: "close" });
    await vi.waitFor(() => expect(caller.closed).toBe(true));
    const { session } = caller;
    expect(await caller.answer(caller.again, caller.phone.again("MZ2"))).toBe(true);
    expect(caller.session).toBe(session);
    await caller.talk(600);
    expect(caller.echoMs).toBeGreaterThan(before + 300);
    expect(caller.phone.faults).toEqual([]);
    const state = await stateOf(session, bearer("key-operator"));
    expect(state).toMatchObject({ status: "connected" });
    caller.socket.send(caller.phone.stop());
    await pass(session, 20);
  });

  test("[N7] with nonsense, another stream and a second start goes on", async () => {
    const caller = await Caller.ring();
    await caller.talk(100);
    for (const nonsense of ["{", "[]", '{"event":"media"}', "x".repeat(70_000)]) caller.socket.send(nonsense);
    for (const message of new Phone({ callSid: "CAx", streamSid: "MZx" }, 0, () => null).begin())
      caller.socket.send(message);
    caller.socket.send(new Uint8Array(160));
    await caller.talk(500);
    expect(caller.echoMs).toBeGreaterThanOrEqual(400);
    expect(caller.phone.faults).toEqual([]);
    const { metrics } = (await stateOf(caller.session, bearer("key-operator"))) as {
      metrics: Record<string, number>;
    };
    expect(metrics["client_errors"]).toBeGreaterThanOrEqual(5);
    expect(metrics["internal_errors"] ?? 0).toBe(0);
    caller.socket.send(caller.phone.stop());
    await pass(caller.session, 20);
  });

  test("[N12] is nobody's whose call is another: the stream is closed", async () => {
    const caller = new Caller();
    const other = new Phone({ callSid: "CA-other", streamSid: "MZ1" }, 0, () => null);
    await caller.answer(`${LOOPBACK}/v1/twilio`, other.begin());
    await pass(caller.session, 20);
    expect(caller.closed).toBe(true);
  });

  test("[N9] may be ended by the application, which the carrier is told by the close", async () => {
    const caller = await Caller.ring();
    await caller.talk(100);
    await call(`/v1/sessions/${caller.session}`, { method: "DELETE", headers: bearer("key-operator") });
    await pass(caller.session, 20);
    expect(caller.closed).toBe(true);
    expect(await caller.answer(caller.again, [])).toBe(false);
  });

  test("[N9] runs on an account of its own: no key takes it over", async () => {
    const caller = await Caller.ring();
    await caller.talk(200);
    const client = await connect(`/v1/sessions/${caller.session}`, bearer("key-operator")).catch(
      (error: unknown) => String(error),
    );
    // The telephone's account is nobody's key: no client has it.
    expect(client).toContain("404");
    caller.socket.send(caller.phone.stop());
    await pass(caller.session, 20);
  });
});
