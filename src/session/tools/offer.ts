/** What models are offered of the relay's tools, beside the session's, and who answers calls of them. */
import { ClientError } from "../../protocol/client-error.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { Entry } from "../memory/entry.ts";
import { asDelegate } from "../state/background-plan.ts";
import { asFunction, type ToolPlans } from "../state/tool-plan.ts";

export class Offer {
  /** By name: the background mind's too. */
  readonly #offered: ReadonlyMap<string, JsonObject>;

  constructor({ tools = [], background }: ToolPlans) {
    const offered = tools.map((plan) => [plan.name, asFunction(plan)] as const);
    this.#offered = new Map(background ? [...offered, [background.name, asDelegate(background)]] : offered);
  }

  /** It is the relay's. */
  has(name: string): boolean {
    return this.#offered.has(name);
  }

  /** What a model is told, with the relay's tools beside the session's. */
  beside(config: UpstreamConfig): UpstreamConfig {
    if (config.kind === "transcription") return config;
    // A name that stood in the session before the route had it is the route's.
    const others = config.tools.filter(({ name }) => typeof name !== "string" || !this.#offered.has(name));
    return { ...config, tools: [...others, ...this.#offered.values()] };
  }

  /** Who answers a call that is the relay's. @throws ClientError */
  refuseResult(call: Entry | undefined): void {
    const name = call?.item["name"];
    if (call === undefined || call.origin === null || typeof name !== "string" || !this.#offered.has(name))
      return;
    const message = `The relay runs '${name}' and answers its calls itself.`;
    throw new ClientError("tool_run_by_relay", message, "item.call_id");
  }
}
