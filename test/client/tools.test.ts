/** Functions of the application's that the model calls. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Call } from "../../src/client/index.ts";
import { installAudio } from "./scripted-audio.ts";
import { collect, connected } from "./scripted-call.ts";
import { responseCreated, RESUMABLE, ScriptedSocket, SESSION, type Message } from "./scripted-socket.ts";

beforeEach(() => {
  ScriptedSocket.install();
  installAudio();
});
afterEach(() => vi.unstubAllGlobals());

function begin(socket: ScriptedSocket, id: string): void {
  socket.say(responseCreated(id, 0, 1, "demo"));
  socket.say({ type: "response.output_item.added", response_id: id, item: { id: `item_${id}` } });
}

function done(id: string, status: string): Message {
  return { type: "response.done", response: { id, status } };
}

describe("[C79] a tool", () => {
  const ANSWER = { type: "response.create", event_id: "sdk_tool_answer" };

  function called(id: string, name: string, args: string): Message {
    const item = { id: `fc_${id}`, type: "function_call", name, call_id: id, arguments: args };
    return { type: "response.output_item.done", response_id: "r1", item };
  }

  function output(id: string, result: string): Message {
    const item = { type: "function_call_output", call_id: id, output: result };
    return { type: "conversation.item.create", item };
  }

  test("gets its arguments; an answer is asked for when all have their results", async () => {
    const { call, socket } = await connected(SESSION);
    let tell = (_weather: string): void => undefined;
    call.tool(
      "get_weather",
      ({ city }) => new Promise((resolve) => (tell = (sky) => resolve({ city, sky }))),
    );
    call.tool("get_name", () => "Ada");
    begin(socket, "r1");
    socket.take();
    socket.say(called("c1", "get_weather", '{"city":"Bern"}'));
    socket.say(called("c2", "get_name", "{}"));
    socket.say(called("c3", "unknown", "{}"));
    socket.say(done("r1", "completed"));
    await new Promise(setImmediate);
    expect(socket.take()).toEqual([output("c2", "Ada")]);
    tell("clear");
    await new Promise(setImmediate);
    expect(socket.take()).toEqual([output("c1", '{"city":"Bern","sky":"clear"}'), ANSWER]);
  });

  test("that fails tells the model and the application", async () => {
    const { call, socket } = await connected(SESSION);
    const errors = collect(call, "error");
    call.tool("get_weather", () => {
      throw new Error("no network");
    });
    begin(socket, "r1");
    socket.take();
    socket.say(called("c1", "get_weather", "{}"));
    socket.say(done("r1", "completed"));
    await new Promise(setImmediate);
    expect(socket.take()).toEqual([output("c1", '{"error":"no network"}'), ANSWER]);
    expect(errors.map(({ error }) => error.code)).toEqual(["tool_failed"]);
  });

  test("of an answer that was interrupted gives its result and asks for nothing; one that was taken away is not run", async () => {
    const { call, socket } = await connected(SESSION);
    call.tool("get_name", () => "Ada");
    const out = call.tool("get_age", () => "36");
    out();
    begin(socket, "r1");
    socket.take();
    socket.say(called("c1", "get_name", "{}"));
    socket.say(called("c2", "get_age", "{}"));
    socket.say(done("r1", "cancelled"));
    await new Promise(setImmediate);
    expect(socket.take()).toEqual([output("c1", "Ada")]);
  });

  test("[C104] that was cut is not run, and arguments that cannot be read are told to the model", async () => {
    const { call, socket } = await connected(SESSION);
    const errors = collect(call, "error");
    const ran: unknown[] = [];
    call.tool("pay", (args) => void ran.push(args));
    begin(socket, "r1");
    socket.take();
    const cut = called("c1", "pay", '{"amount":1');
    socket.say({ ...cut, item: { ...(cut["item"] as Message), status: "incomplete" } });
    socket.say(called("c2", "pay", '{"amount":10'));
    socket.say(called("c3", "pay", "[10]"));
    socket.say(called("c4", "pay", ""));
    socket.say(done("r1", "completed"));
    await new Promise(setImmediate);
    expect(ran).toEqual([{}]);
    const told = socket.take().map((sent) => (sent as Message)["item"] as Message | undefined);
    expect(told.map((item) => item?.["call_id"])).toEqual(["c2", "c3", "c4", undefined]);
    expect(told[0]?.["output"]).toContain("error");
    expect(errors.map(({ error }) => error.code)).toEqual(["tool_failed", "tool_failed"]);
  });

  describe("[C113] that is slow", () => {
    async function running(): Promise<{ call: Call; socket: ScriptedSocket; finish: () => Promise<void> }> {
      const { call, socket } = await connected(SESSION);
      let finish = (): void => undefined;
      call.tool("get_name", () => new Promise((resolve) => (finish = () => resolve("Ada"))));
      begin(socket, "r1");
      socket.say(called("c1", "get_name", "{}"));
      socket.say(done("r1", "completed"));
      socket.take();
      return {
        call,
        socket,
        finish: () => {
          finish();
          return new Promise((resolve) => setImmediate(() => resolve()));
        },
      };
    }
    const refused = {
      type: "error",
      error: { code: "conversation_already_has_active_response", event_id: "sdk_tool_answer", message: "" },
    };

    test("asks for its answer when the answer that is in progress is over", async () => {
      const { socket, finish } = await running();
      begin(socket, "r2");
      await finish();
      expect(socket.take()).toEqual([output("c1", "Ada")]);
      socket.say(done("r2", "completed"));
      expect(socket.take()).toEqual([ANSWER]);
      begin(socket, "r3");
      socket.say(done("r3", "completed"));
      expect(socket.take()).toEqual([]);
    });

    test("not where one begins that knows its result", async () => {
      const { socket, finish } = await running();
      begin(socket, "r2");
      begin(socket, "other");
      await finish();
      socket.say(done("r2", "cancelled"));
      socket.take();
      begin(socket, "r3");
      socket.say(done("other", "completed"));
      socket.say(done("r3", "completed"));
      expect(socket.take()).toEqual([]);
    });

    test("and again where another was asked for and had not begun; nobody hears of the refusal", async () => {
      const { call, socket, finish } = await running();
      const errors = collect(call, "error");
      await finish();
      expect(socket.take()).toEqual([output("c1", "Ada"), ANSWER]);
      socket.say(refused);
      begin(socket, "r2");
      expect(socket.take()).toEqual([]);
      socket.say(done("r2", "completed"));
      expect(socket.take()).toEqual([ANSWER]);
      expect(errors).toEqual([]);
    });
  });

  describe("[C106] after the relay forgot what it said", () => {
    async function running(): Promise<{ socket: ScriptedSocket; finish: () => void }> {
      const { call, socket } = await connected(RESUMABLE);
      let finish = (): void => undefined;
      call.tool("get_name", () => new Promise((resolve) => (finish = () => resolve("Ada"))));
      begin(socket, "r1");
      socket.say(called("c1", "get_name", "{}"));
      return { socket, finish: () => finish() };
    }

    async function forgotten(old: ScriptedSocket, from: number, to: number): Promise<ScriptedSocket> {
      old.hangUp(1006, "");
      const socket = await ScriptedSocket.nth(2);
      socket.accept();
      await socket.spoken();
      socket.mention({
        type: "session.resumed",
        verdict: "partial",
        last_received: 9,
        resume_token: "rt_2",
        forgotten: [from, to],
      });
      socket.countFrom(to + 1);
      socket.take();
      return socket;
    }

    test("a call that it does not know has no result", async () => {
      const { socket: old, finish } = await running();
      old.say(done("r1", "completed"));
      const socket = await forgotten(old, 4, 5);
      finish();
      await new Promise(setImmediate);
      expect(socket.take()).toEqual([]);
    });

    test("one that it knows has its result, and no answer is asked for where the end of its response is not known", async () => {
      const { socket: old, finish } = await running();
      old.say(done("r1", "completed"));
      const socket = await forgotten(old, 5, 5);
      finish();
      await new Promise(setImmediate);
      expect(socket.take()).toEqual([output("c1", "Ada")]);
    });

    test("and the answer is asked for where that is known", async () => {
      const { socket: old, finish } = await running();
      old.say(done("r1", "completed"));
      old.say({ type: "relay.upstream", upstream: "demo", status: "ready" });
      const socket = await forgotten(old, 6, 6);
      finish();
      await new Promise(setImmediate);
      expect(socket.take()).toEqual([output("c1", "Ada"), ANSWER]);
    });
  });
});
