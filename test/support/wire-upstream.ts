/**
 * An upstream whose wire is the interface itself, as JSON: tests read the commands it was sent and write the events
 * it sends. Stateless, so that nothing hides in a codec.
 */
import { PCM_24K } from "../../src/audio/format.ts";
import type {
  Capabilities,
  Command,
  DialRequest,
  JsonObject,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  UpstreamOptions,
  WireMessage,
} from "../../src/upstreams/upstream.ts";

export type SentCommand =
  | Exclude<Command, { type: "audio" }>
  | { readonly type: "audio"; readonly audio: string }
  | { readonly type: "greet"; readonly config: UpstreamConfig };

/** An event with audio as base64, as this wire spells it. */
export type WireEvent =
  | Exclude<UpstreamEvent, { type: "audio" }>
  | {
      readonly type: "audio";
      readonly response: string;
      readonly item: string;
      readonly part?: number;
      readonly audio: string;
    };

const FULL: Capabilities = {
  input: PCM_24K,
  output: PCM_24K,
  turns: "client",
  cancel: true,
  truncate: true,
  text: true,
  tools: true,
  transcription: true,
  outOfBand: true,
  confirms: false,
  resumption: false,
  maxSessionMs: null,
  keepaliveMs: null,
};

class WireUpstream implements Upstream {
  readonly capabilities: Capabilities;

  constructor(options: UpstreamOptions) {
    const { input, output, ...rest } = (options.settings ?? {}) as Partial<Capabilities> & JsonObject;
    this.capabilities = {
      ...FULL,
      ...rest,
      input: input ?? PCM_24K,
      output: output ?? PCM_24K,
    };
  }

  request(): DialRequest {
    return { url: "https://upstream.test/", headers: {}, protocols: [] };
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    return [JSON.stringify({ type: "greet", config })];
  }

  encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") return [JSON.stringify({ type: "audio", audio: command.chunk.base64() })];
    if (command.type === "named") return []; // this wire uses the session's names
    return [JSON.stringify(command)];
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const event = JSON.parse(String(message)) as WireEvent;
    if (event.type !== "audio") return [event];
    const { audio, ...rest } = event;
    return [{ ...rest, bytes: Uint8Array.fromBase64(audio) }];
  }

  closed(code: number): UpstreamFault | null {
    return code === 1000 ? null : { code: "upstream_closed", message: `closed with ${code}` };
  }

  snapshot(): JsonObject {
    return {};
  }

  restore(): void {}
}

export function createWireUpstream(options: UpstreamOptions): Upstream {
  return new WireUpstream(options);
}
