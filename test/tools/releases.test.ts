/** Doors of this build and objects of the last release, and the other way round, in one workerd, as after a deploy. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { bundleWorker, type WorkerModule } from "../../tools/relay/bundle.ts";
import { PROJECT } from "./command.ts";

type Event = { readonly type: string; readonly [field: string]: unknown };

const OBJECTS = { VOICE_SESSION: "VoiceSession", KEY_LEDGER: "KeyLedger", KEPT_SESSION: "KeptSession" };
const sha256 = (key: string): string => createHash("sha256").update(key).digest("hex");
const PLAIN = {
  id: "plain",
  sha256: sha256("release-plain"),
  limits: { concurrent: 5, sessions_per_minute: null },
};
/** Of this build alone. */
const BOUNDED = {
  id: "bounded",
  sha256: sha256("release-bounded"),
  limits: {
    concurrent: 5,
    answers_per_minute: 50,
    minutes_per_day: 50,
    session_answers_per_minute: 50,
    session_minutes: 50,
    sessions_per_secret: 50,
  },
};

async function lastRelease(): Promise<readonly WorkerModule[]> {
  const packed = await readFile(join(PROJECT, "test/fixtures/release/worker.br"));
  const modules = JSON.parse(brotliDecompressSync(packed).toString()) as {
    type: WorkerModule["type"];
    path: string;
    contents: string;
  }[];
  return modules.map(({ type, path, contents }) => ({
    type,
    path,
    contents: Uint8Array.fromBase64(contents),
  }));
}

/** The doors of the one Worker, with the objects of the other. */
function deploy(doors: readonly WorkerModule[], objects: readonly WorkerModule[], keys: readonly object[]) {
  const shared = {
    compatibilityDate: "2026-11-02",
    compatibilityFlags: ["no_web_socket_compression"],
    bindings: {
      RELAY_DEV: "1",
      RELAY_SIGNING_KEY: "a signing key that only the tests know",
      RELAY_API_KEYS: JSON.stringify(keys),
    },
  };
  const bound = (scriptName?: string) =>
    Object.fromEntries(
      Object.entries(OBJECTS).map(([name, className]) => [
        name,
        { className, useSQLite: true, ...(scriptName !== undefined && { scriptName }) },
      ]),
    );
  return new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      log: new Log(LogLevel.NONE),
      cf: false,
      workers: [
        {
          ...shared,
          name: "doors",
          modules: doors.map((each) => ({ ...each })),
          durableObjects: bound("objects"),
        },
        {
          ...shared,
          name: "objects",
          modules: objects.map((each) => ({ ...each })),
          durableObjects: bound(),
        },
      ],
    }),
  );
}

/** A client's socket whose events are waited for. */
class Client {
  readonly #socket: WebSocket;
  readonly #events: Event[] = [];
  readonly closed: Promise<number>;
  #wake = (): void => {};
  received = 0;

  constructor(url: string, key: string, protocols: readonly string[]) {
    this.#socket = new WebSocket(url.replace(/^http/, "ws"), [...protocols], {
      headers: key === "" ? {} : { Authorization: `Bearer ${key}` },
    });
    this.#socket.on("message", (data: Buffer, binary) => {
      if (!binary) this.#events.push(JSON.parse(data.toString()) as Event);
      this.#wake();
    });
    this.#socket.on("error", () => {});
    this.closed = new Promise((resolve) => this.#socket.on("close", resolve));
  }

  send(event: object): void {
    this.#socket.send(JSON.stringify(event));
  }

  async event(type: string): Promise<Event> {
    for (;;) {
      const event = this.#events.shift();
      if (event === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else {
        this.received = Number(event["server_event_seq"] ?? this.received);
        if (event.type === type) return event;
      }
    }
  }

  /** A text is answered. */
  async talk(): Promise<void> {
    const content = [{ type: "input_text", text: "still there?" }];
    this.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    this.send({ type: "response.create" });
    expect((await this.event("response.done"))["response"]).toMatchObject({ status: "completed" });
  }

  async say(event: object): Promise<void> {
    await new Promise((resolve) => this.#socket.once("open", resolve));
    this.send(event);
  }

  cut(): void {
    this.#socket.terminate();
  }
}

/** What a deploy must not break: each way in, a return, and each way out. */
async function live(relay: Miniflare, key: string): Promise<void> {
  const { origin } = await relay.ready;
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const ask = (path: string, method: string, body?: object) =>
    fetch(`${origin}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });

  const created = await ask("/v1/sessions", "POST", { model: "echo" });
  expect(created.status).toBe(201);
  const { id, token } = (await created.json()) as { id: string; token: string };
  const first = new Client(`${origin}/v1/sessions/${id}`, token, ["duplex.v1"]);
  const session = (await first.event("session.created"))["session"] as { relay: { resume_token: string } };
  await first.talk();
  first.cut();
  const resume = session.relay.resume_token;
  const back = new Client(`${origin}/v1/sessions/${id}`, "", ["duplex.v1", `relay-resume.${resume}`]);
  await back.say({ type: "session.resume", resume_token: resume, last_received: first.received });
  await back.event("session.resumed");
  await back.talk();
  const state = await ask(`/v1/sessions/${id}`, "GET");
  expect(await state.json()).toMatchObject({ id, status: "connected", responses: 2 });
  expect((await ask(`/v1/sessions/${id}`, "DELETE")).status).toBe(204);
  expect(await back.closed).toBe(1000);

  const minted = await ask("/v1/realtime/client_secrets", "POST", { session: { model: "echo" } });
  const { value } = (await minted.json()) as { value: string };
  const secrets = new Client(`${origin}/v1/realtime`, value, ["realtime"]);
  await secrets.event("session.created");
  await secrets.talk();
  const long = {
    instructions: Array.from({ length: 9000 }, (_, n) => (n * n).toString(36))
      .join("")
      .slice(0, 15_000),
  };
  const warm = await ask("/v1/sessions", "POST", {
    model: "echo",
    prewarm: true,
    location_hint: "weur",
    session: long,
  });
  const warmed = (await warm.json()) as { id: string; token: string };
  const second = new Client(`${origin}/v1/sessions/${warmed.id}`, warmed.token, ["realtime"]);
  expect((await second.event("session.created"))["session"]).toMatchObject(long);
  const unopened = (await (await ask("/v1/sessions", "POST", { model: "echo" })).json()) as { id: string };
  expect((await ask(`/v1/sessions/${unopened.id}`, "DELETE")).status).toBe(204);
  // All places of the key but two are free again.
  const more = await Promise.all([1, 2, 3, 4].map(() => ask("/v1/sessions", "POST", { model: "echo" })));
  expect(more.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 201, 201, 429]);
  secrets.cut();
  second.cut();
}

describe("after a deploy", () => {
  let present: readonly WorkerModule[] = [];
  let former: readonly WorkerModule[] = [];
  const running: Miniflare[] = [];
  const start = (...args: Parameters<typeof deploy>): Miniflare => {
    const relay = deploy(...args);
    running.push(relay);
    return relay;
  };
  beforeAll(async () => {
    present = await bundleWorker(join(PROJECT, "src/worker.ts"));
    former = await lastRelease();
  });
  afterAll(() => Promise.all(running.map((relay) => relay.dispose())));

  test("[O51] doors of this build live with objects of the last release, ledgers of keys too", async () => {
    const relay = start(present, former, [PLAIN, BOUNDED]);
    await live(relay, "release-plain");
    await live(relay, "release-bounded");
  });

  test("[O51] doors of the last release live with objects of this build", async () => {
    await live(start(former, present, [PLAIN]), "release-plain");
  });

  test("[O51] and so do those of one build", async () => {
    await live(start(present, present, [PLAIN, BOUNDED]), "release-bounded");
  });
});
