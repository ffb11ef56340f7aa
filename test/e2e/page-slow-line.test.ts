/** The SDK over lines that are slow when it comes back, against the whole relay. In Node: there is no sound to wait for. */
import { connect as dial, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../tools/build/client.ts";
import { startRelay, type Relay } from "../support/relay.ts";

/** What of public/sdk.js is used here. */
interface Sdk {
  createCall(options: object): Call;
  openCall(call: Call, options: { url: string; apiKey: string; model: string }): Promise<void>;
}

interface Call {
  readonly state: string;
  readonly messages: readonly { readonly role: string }[];
  on(type: "state", listener: (detail: { state: string }) => void): void;
  on(type: "resumed", listener: (detail: { verdict: string }) => void): void;
  on(type: "error", listener: (detail: { error: { code: string } }) => void): void;
  sendText(text: string): boolean;
  close(): void;
}

/** A TCP proxy that holds every byte back for a while, longer or shorter for each connection. */
class SlowLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Pieces that are held back. */
  underWay = 0;
  /** One way, for the connections to come; the last is for all further ones. */
  delaysMs: number[] = [0];

  constructor(port: number) {
    this.#server = createServer((client) => {
      const delayMs = (this.delaysMs.length > 1 ? this.delaysMs.shift() : this.delaysMs[0]) ?? 0;
      const relay = dial(port, "127.0.0.1");
      for (const [from, to] of [
        [client, relay],
        [relay, client],
      ] as const) {
        this.#sockets.add(from);
        from.on("data", (data) => this.#later(delayMs, () => to.write(data)));
        from.on("end", () => this.#later(delayMs, () => to.end()));
        from.on("error", () => to.destroy());
      }
    });
  }

  #later(delayMs: number, deliver: () => void): void {
    this.underWay++;
    setTimeout(() => {
      this.underWay--;
      deliver();
    }, delayMs);
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Every connection is reset. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#sockets.clear();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

describe("[C51] a line that is slow when the SDK comes back", () => {
  let relay: Relay;
  let line: SlowLine;
  let url: string;
  let sdk: Sdk;
  let call: Call;

  beforeAll(async () => {
    await build();
    sdk = await import(new URL("../../public/sdk.js", import.meta.url).href);
    relay = await startRelay();
    line = new SlowLine(relay.port);
    url = await line.open();
  });
  afterEach(() => call?.close());
  afterAll(async () => {
    line?.close();
    await relay?.close();
  });

  async function connected(): Promise<{ states: string[]; verdicts: string[]; errors: string[] }> {
    line.delaysMs = [0];
    call = sdk.createCall({});
    const seen = { states: [] as string[], verdicts: [] as string[], errors: [] as string[] };
    call.on("state", ({ state }) => seen.states.push(state));
    call.on("resumed", ({ verdict }) => seen.verdicts.push(verdict));
    call.on("error", ({ error }) => seen.errors.push(error.code));
    await sdk.openCall(call, { url, apiKey: relay.apiKey, model: "demo" });
    return seen;
  }

  /** Says something that only this session can answer, and waits for the answer's words. */
  async function answered(): Promise<void> {
    const before = call.messages.length;
    call.sendText("Hello.");
    const done = (): boolean => call.messages.slice(before).some(({ role }) => role === "assistant");
    await expect.poll(done, { timeout: 20_000 }).toBe(true);
  }

  test("resumes though opening and answer take 7 s each way around", async () => {
    const seen = await connected();
    line.delaysMs = [3500];
    line.cut();
    await expect.poll(() => seen.verdicts, { timeout: 29_000 }).toEqual(["resumed"]);
    expect(seen.states).toEqual(["open", "reconnecting", "open"]);
    expect(seen.errors).toEqual([]);
  });

  test("[C53] is not put out by a dial that it gave up and that arrives late", async () => {
    const seen = await connected();
    line.delaysMs = [4500, 0];
    line.cut();
    await expect.poll(() => seen.verdicts, { timeout: 20_000 }).toEqual(["resumed"]);
    await expect.poll(() => line.underWay, { timeout: 20_000 }).toBe(0);
    await answered();
    expect(call.state).toBe("open");
    expect(seen.errors).toEqual([]);
  });
});
