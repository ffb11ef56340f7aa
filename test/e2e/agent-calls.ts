/** What the calls to agents of providers have in common: their servers on loopback, a relay whose routes lead there, and a caller. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll } from "vitest";

import { startRelay, type Relay } from "../support/relay.ts";
import { silence, concat } from "../support/sdk-audio.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";
import { callersSentence, heardOf, nextEnd, sendInTime } from "../support/spoken-call.ts";
import { startAgents, type AgentServers } from "./agent-servers.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export class AgentCalls {
  agents!: AgentServers;
  relay!: Relay;
  call!: RawCall;
  #speech: Uint8Array = new Uint8Array(0);

  /** For all tests of a file. `vars`: of the Worker, by what was started. */
  constructor(vars: (agents: AgentServers) => Record<string, string>) {
    beforeAll(async () => {
      this.agents = await startAgents();
      this.relay = await startRelay({
        source: { entry: here("../../src/worker.ts"), config: here("agents-routes.ts") },
        vars: vars(this.agents),
      });
      this.#speech = await callersSentence();
    });
    afterAll(async () => {
      await this.relay.close();
      await this.agents.close();
    });
    afterEach(() => this.call.hangUp());
  }

  async dial(model: string): Promise<void> {
    const { turns, script, live, elevenLabs, deepgram, models, requests } = this.agents;
    for (const list of [turns, script, live, elevenLabs, deepgram, models, requests]) list.length = 0;
    this.call = await dialRaw(`${this.relay.wsUrl}/v1/realtime?model=${model}`, {
      apiKey: this.relay.apiKey,
    });
    await this.call.log.next("session.created");
  }

  /** A turn of the caller's, in real time, with the silence that ends it; after it the client sends nothing at all. */
  async speak(words: string, quietMs = 900): Promise<void> {
    this.agents.turns.push(words);
    await sendInTime(this.call, concat([silence(200), this.#speech, silence(quietMs)]));
  }

  readonly heard = (responseId = ""): Uint8Array => heardOf(this.call, responseId);
  readonly done = () => nextEnd(this.call);
}
