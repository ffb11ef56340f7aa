/** Faults in what the client says, in what is asked of the provider, and in what the client is told. */
import { deep, objectOf, parsed, textOf } from "../fields.ts";
import type { UpstreamEvent } from "../../../src/upstreams/upstream.ts";
import type { Tampering } from "../play.ts";
import {
  told,
  asked,
  led,
  wire,
  client,
  ofType,
  inResponse,
  type OnCommand,
  type Mutation,
} from "./tamper.ts";

export const IN_REQUESTS: readonly Mutation[] = [
  // What the client sends.
  {
    name: "escaped base64 is refused",
    tampering: () => ({ toRelay: (text) => (/"audio":\s*"[^"]*\\/.test(text) ? "{}" : text) }),
  },
  {
    name: "an append whose id comes first is lost",
    tampering: () => ({ toRelay: (text) => (/^\{"event_id".*append/.test(text) ? null : text) }),
  },
  {
    name: "an append over several lines is lost",
    tampering: () => ({ toRelay: (text) => (/\n.*append/.test(text) ? null : text) }),
  },
  {
    name: "null members are refused",
    tampering: () => ({ toRelay: (text) => (/"(metadata|prompt)":null/.test(text) ? "{}" : text) }),
  },
  {
    name: "null members are cut from updates",
    tampering: () => ({ toRelay: (text) => text.replaceAll(/,?"turn_detection":null/g, "") }),
  },
  {
    name: "Unicode is mangled",
    tampering: () => ({ toRelay: (text) => text.replaceAll(/[\u{10000}-\u{10ffff}]/gu, "?") }),
  },
  {
    name: "the format of the caller's audio is taken for another",
    tampering: () => ({ toRelay: (text) => text.replaceAll('"audio/pcma"', '"audio/pcmu"') }),
  },
  // What is asked of the provider.
  {
    name: "what an answer asks for of its own is dropped",
    tampering: () =>
      asked((command) =>
        command.type === "respond" ? { ...command, options: { ...command.options, params: {} } } : command,
      ),
  },
  {
    name: "instructions of an update do not reach the provider",
    tampering: () =>
      asked((command) =>
        command.type === "configure"
          ? { ...command, config: { ...command.config, instructions: "" } }
          : command,
      ),
  },
  {
    name: "tools do not reach the provider",
    tampering: () =>
      asked((command) =>
        command.type === "configure" ? { ...command, config: { ...command.config, tools: [] } } : command,
      ),
  },
  {
    name: "the transcription of an update does not reach the provider",
    tampering: () =>
      asked((command) =>
        command.type === "configure"
          ? { ...command, config: { ...command.config, transcription: null } }
          : command,
      ),
  },
  {
    name: "an item is put at the end, wherever it belongs",
    tampering: () =>
      client(ofType("conversation.item.added", (event) => ({ ...event, previous_item_id: null }))),
  },
  {
    name: "a deleted item stays with the provider",
    tampering: () => asked((command) => (command.type === "delete" ? null : command)),
  },
  {
    name: "the last sound of a turn is lost",
    tampering: () =>
      asked((command) =>
        command.type === "audio" && command.chunk.bytes.length > 960
          ? { type: "audio", chunk: shortened(command.chunk.bytes) }
          : command,
      ),
  },
  {
    name: "audio of an item is taken in the client's format",
    tampering: () =>
      asked((command) =>
        command.type === "item" && JSON.stringify(command.item).includes('"input_audio"')
          ? { ...command, item: { ...command.item, content: [{ type: "input_audio", audio: "AAAA" }] } }
          : command,
      ),
  },
  {
    name: "a clear does not reach the provider",
    tampering: () => asked((command) => (command.type === "clear" ? null : command)),
  },
  {
    name: "a cancel does not reach the provider",
    tampering: () => asked((command) => (command.type === "cancel" ? null : command)),
  },
  {
    name: "the format of an answer of its own is dropped",
    tampering: () => ({
      toRelay: (text) => (text.includes('"response.create"') ? text.replace(/"format":\{[^}]*\}/, "") : text),
    }),
  },
  {
    name: "the client's commit is lost",
    tampering: () => ({ toRelay: (text) => (text.includes("input_audio_buffer.commit") ? null : text) }),
  },
  {
    name: "what was said after a question that waits goes ahead of it",
    tampering: () =>
      led((events) => [...events.filter(isNoAsk), ...events.filter((event) => !isNoAsk(event))]),
  },
  {
    name: "an answer that is owed is never asked for",
    tampering: () => asked(dropEveryThirdAsk()),
  },
  // What is said to the client.
  {
    name: "truncations are not told",
    tampering: () => client(ofType("conversation.item.truncated", () => null)),
  },
  {
    name: "deletions are not told",
    tampering: () => client(ofType("conversation.item.deleted", () => null)),
  },
  {
    name: "the end of speech is not told",
    tampering: () => client(ofType("input_audio_buffer.speech_stopped", () => null)),
  },
  {
    name: "a silence that was waited out is not told",
    tampering: () => client(ofType("input_audio_buffer.timeout_triggered", () => null)),
  },
  {
    name: "what was committed has another name",
    tampering: () =>
      client(ofType("input_audio_buffer.committed", (event) => ({ ...event, item_id: "item_other" }))),
  },
  {
    name: "audio loses its odd byte",
    tampering: () =>
      client(
        ofType("response.output_audio.delta", (event) => ({
          ...event,
          delta: Buffer.from(textOf(event["delta"]), "base64").subarray(2).toString("base64"),
        })),
      ),
  },
  {
    name: "the first audio of an answer is told twice",
    tampering: () => firstAudioTwice(),
  },
  {
    name: "metadata is not repeated",
    tampering: () => client(inResponse("response.created", (response) => ({ ...response, metadata: null }))),
  },
  {
    name: "what the provider adds to metadata is dropped",
    tampering: () => told((event) => (event.type === "response.done" ? { ...event, metadata: null } : event)),
  },
  {
    name: "items are added and never done",
    tampering: () => client(ofType("conversation.item.done", () => null)),
  },
  {
    name: "an answer beside the conversation is of the conversation",
    tampering: () =>
      client(
        inResponse("response.created", (response) => ({
          ...response,
          conversation_id: response["conversation_id"] ?? "conv_oracle",
        })),
      ),
  },
  {
    name: "the voice of an answer is the session's",
    tampering: () =>
      client(
        inResponse("response.created", (response) =>
          objectOf(
            deep(response, (object) => ("voice" in object ? { ...object, voice: "default" } : object)),
          ),
        ),
      ),
  },
  {
    name: "a text answer says it is spoken",
    tampering: () =>
      client(inResponse("response.created", (response) => ({ ...response, output_modalities: ["audio"] }))),
  },
  {
    name: "the provider's output format is not believed",
    tampering: () =>
      wire(
        ofType("session.updated", (event) => ({
          ...event,
          session: deep(objectOf(event["session"]), (object) =>
            object["type"] === "audio/pcmu" ? { type: "audio/pcm", rate: 24_000 } : object,
          ),
        })),
      ),
  },
];

function shortened(bytes: Uint8Array): { readonly bytes: Uint8Array; base64(): string } {
  const kept = bytes.slice(0, bytes.length - 480);
  return { bytes: kept, base64: () => Buffer.from(kept).toString("base64") };
}

function isNoAsk(event: UpstreamEvent): boolean {
  return event.type !== "reply" || !String(event.data).includes('"response.create"');
}

function dropEveryThirdAsk(): OnCommand {
  let asks = 0;
  return (command) => {
    if (command.type !== "respond") return command;
    asks += 1;
    return asks % 3 === 0 ? null : command;
  };
}

function firstAudioTwice(): Tampering {
  const said = new Set<string>();
  return {
    toClient: (text) => {
      const event = parsed(text) ?? {};
      const item = textOf(event["item_id"]);
      if (event["type"] !== "response.output_audio.delta" || said.has(item)) return [text];
      said.add(item);
      return [text, text];
    },
  };
}
