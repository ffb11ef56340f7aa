/** The oracle's scripts over sockets: a whole relay in workerd and the demo voice, against the demo voice alone. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startRelay, type Relay } from "../support/relay.ts";
import { Client, type ClientTime, type Received } from "./client.ts";
import { draw } from "./draw.ts";
import { verdictOf } from "./judge.ts";
import { concerns } from "./known.ts";
import type { Far, Peer } from "./provider.ts";
import type { Script } from "./script.ts";
import { describeMismatch } from "./show.ts";

const SEED = 2;
const SCRIPTS = 12;
/** A busy machine is slow. */
const QUIET_MS = 1_500;

let relay: Relay;
beforeAll(async () => {
  relay = await startRelay();
}, 60_000);
afterAll(() => relay.close());

/** No moment is hit over sockets: what hangs on one is left to virtual time. */
function isTimeless(script: Script): boolean {
  const { provider, intent, detected, steps } = script;
  if (provider !== "demo" || intent !== "realtime" || detected || concerns(script) !== null) return false;
  return (
    !asksAndGoesOn(script) &&
    steps.every(
      (step) =>
        step.do !== "wait" &&
        step.do !== "until" &&
        !(step.do === "send" && step.event["type"] === "response.cancel"),
    )
  );
}

/** Items and turns in one breath with a question before them: whether the answer begins before they come hangs on a moment. */
function asksAndGoesOn({ steps }: Script): boolean {
  let asked = false;
  return steps.some((step) => {
    if (step.do !== "send") {
      asked &&= step.do !== "settle";
      return asked && step.do !== "settle";
    }
    if (step.event["type"] === "session.update") return false;
    const before = asked;
    asked ||= step.event["type"] === "response.create";
    return before;
  });
}

function scripts(): Script[] {
  const chosen: Script[] = [];
  for (let number = 1; chosen.length < SCRIPTS; number += 1) {
    const script = draw(SEED, number, "demo");
    // The demo voice behind the relay has its own pace.
    if (isTimeless(script)) chosen.push({ ...script, pace: 4, pieceMs: 40 });
  }
  return chosen;
}

const realTime: ClientTime = {
  get now() {
    return performance.now();
  },
  after: (ms, run) => setTimeout(run, ms),
};

function socket(url: string, headers: Readonly<Record<string, string>>, peer: Peer): Far {
  const opened = new WebSocket(url, { headers });
  const waiting: (string | Uint8Array)[] = [];
  opened.on("open", () => {
    for (const data of waiting.splice(0)) opened.send(data, { binary: typeof data !== "string" });
  });
  opened.on("message", (data) => {
    if (Buffer.isBuffer(data)) peer.message(data.toString("utf8"));
  });
  opened.on("close", (code, reason) => peer.closed(code, reason.toString("utf8")));
  return {
    send: (data) => {
      if (opened.readyState === WebSocket.OPEN) opened.send(data, { binary: typeof data !== "string" });
      else waiting.push(data);
    },
    close: (code) => opened.close(code),
  };
}

async function played(script: Script, dial: (peer: Peer) => Far): Promise<readonly Received[]> {
  const farEnds: Far[] = [];
  const counted = (peer: Peer): Far => {
    const far = dial(peer);
    farEnds.push(far);
    return far;
  };
  const client = new Client(realTime, script, counted, QUIET_MS);
  client.begin();
  await expect.poll(() => client.over, { timeout: 150_000, interval: 100 }).toBe(true);
  const received = Array.from(client.received);
  for (const far of farEnds) far.close(1000);
  return received;
}

test("[Z6] over sockets the client receives the same", async () => {
  const demo = relay.demo?.url ?? "";
  const authorization = `Bearer ${relay.apiKey}`;
  const described = await Promise.all(
    scripts().map(async (script) => {
      const [direct, through] = await Promise.all([
        played(script, (peer) => socket(`${demo}?model=oracle`, {}, peer)),
        played(script, (peer) => socket(`${relay.wsUrl}/v1/realtime?model=demo`, { authorization }, peer)),
      ]);
      const { mismatches, known } = verdictOf(script, direct, through);
      return known === null && mismatches.length > 0
        ? `${JSON.stringify(script)}\n${mismatches.map((mismatch) => describeMismatch(mismatch)).join("\n")}`
        : null;
    }),
  );
  expect(described.filter((text) => text !== null)).toEqual([]);
}, 200_000);
