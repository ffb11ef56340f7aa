/**
 * An upstream with a voice and a part of its own: providers name their voices differently, and of several voices of one
 * conversation each is somebody else. Whatever the session says, it speaks with its voice and is told its part first.
 */
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import type { Command, Leaves, Upstream, UpstreamConfig, UpstreamOptions } from "./upstream.ts";

/** Every member is here, those included that most upstreams have not: what is left out here no upstream with a part has. */
type Every = { [Member in keyof Upstream]-?: Upstream[Member] | undefined };
type Own = Pick<UpstreamOptions, "voice" | "instructions">;

export function withOwnPart(upstream: Upstream, own: Own): Upstream {
  return own.voice === undefined && own.instructions === undefined ? upstream : new OwnPart(upstream, own);
}

class OwnPart implements Upstream, Every {
  readonly #upstream: Upstream;
  readonly #own: Own;

  constructor(upstream: Upstream, own: Own) {
    this.#upstream = upstream;
    this.#own = own;
  }

  get capabilities(): Upstream["capabilities"] {
    return this.#upstream.capabilities;
  }

  get channels(): Upstream["channels"] {
    return this.#upstream.channels;
  }

  get held(): number | undefined {
    return this.#upstream.held;
  }

  get unbilled(): JsonObject | null {
    return this.#upstream.unbilled ?? null;
  }

  get unjudged(): number | undefined {
    return this.#upstream.unjudged;
  }

  get unnamed(): number | undefined {
    return this.#upstream.unnamed;
  }

  get leaves(): Leaves | null {
    return this.#upstream.leaves ?? null;
  }

  get goOn(): Upstream["goOn"] {
    return this.#upstream.goOn?.bind(this.#upstream);
  }

  get heard(): Upstream["heard"] {
    return this.#upstream.heard?.bind(this.#upstream);
  }

  get admission(): Upstream["admission"] {
    return this.#upstream.admission;
  }

  request(...[kind, config]: Parameters<Upstream["request"]>): ReturnType<Upstream["request"]> {
    return this.#upstream.request(kind, config && this.#configured(config));
  }

  get farewell(): Upstream["farewell"] {
    return this.#upstream.farewell;
  }

  greet(...[config, before]: Parameters<Upstream["greet"]>): ReturnType<Upstream["greet"]> {
    return this.#upstream.greet(this.#configured(config), before);
  }

  encode(command: Command): ReturnType<Upstream["encode"]> {
    return this.#upstream.encode(this.#told(command));
  }

  decode(message: Parameters<Upstream["decode"]>[0]): ReturnType<Upstream["decode"]> {
    return this.#upstream.decode(message);
  }

  settle(): ReturnType<Upstream["decode"]> {
    return this.#upstream.settle?.() ?? [];
  }

  giveUpNames(): ReturnType<Upstream["decode"]> {
    return this.#upstream.giveUpNames?.() ?? [];
  }

  closed(code: number, reason: string): ReturnType<Upstream["closed"]> {
    return this.#upstream.closed(code, reason);
  }

  snapshot(): JsonObject {
    return this.#upstream.snapshot();
  }

  restore(snapshot: JsonObject): void {
    this.#upstream.restore(snapshot);
  }

  #told(command: Command): Command {
    if (command.type === "configure") return { ...command, config: this.#configured(command.config) };
    if (command.type !== "respond") return command;
    const params = this.#asked(command.options.params);
    return { ...command, options: { ...command.options, params } };
  }

  #configured(config: UpstreamConfig): UpstreamConfig {
    const { voice = config.voice } = this.#own;
    return { ...config, voice, instructions: this.#instructed(config.instructions) };
  }

  /** Of one answer; what a client does not say of it is as the session says. */
  #asked(params: JsonObject): JsonObject {
    const { instructions, audio } = params;
    const output = isJsonObject(audio) ? audio["output"] : null;
    return {
      ...params,
      ...(typeof instructions === "string" && { instructions: this.#instructed(instructions) }),
      ...(isJsonObject(audio) &&
        isJsonObject(output) &&
        output["voice"] !== undefined &&
        this.#own.voice !== undefined && {
          audio: { ...audio, output: { ...output, voice: this.#own.voice } },
        }),
    };
  }

  #instructed(instructions: string): string {
    const { instructions: own } = this.#own;
    return own === undefined ? instructions : [own, instructions].filter((text) => text !== "").join("\n\n");
  }
}
