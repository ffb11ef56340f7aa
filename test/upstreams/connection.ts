/** An upstream and a scripted server, joined without a socket: what one writes the other reads at once. */
import type { AudioChunk, Command, Upstream, UpstreamConfig } from "../../src/upstreams/upstream.ts";
import type { UpstreamEvent, WireMessage } from "../../src/upstreams/upstream.ts";

/** The other side of an adapter in tests. */
export interface ScriptedServer {
  /** What the server says when the socket opens. */
  opened(): readonly WireMessage[];
  /** What the server answers to one message. */
  receive(message: WireMessage): readonly WireMessage[];
}

export const CONFIG: UpstreamConfig = {
  kind: "conversation",
  instructions: "Be brief.",
  modality: "audio",
  tools: [],
  toolChoice: "auto",
  maxOutputTokens: "inf",
  voice: null,
  speed: 1,
  transcription: null,
  turnDetection: null,
  extra: {},
};

export function chunk(bytes: Uint8Array): AudioChunk {
  return { bytes, base64: () => bytes.toBase64() };
}

export class Connection {
  upstream: Upstream;
  readonly server: ScriptedServer;
  /** All events so far; audio is copied out of its view. */
  readonly events: UpstreamEvent[] = [];

  constructor(upstream: Upstream, server: ScriptedServer, config: UpstreamConfig = CONFIG) {
    this.upstream = upstream;
    this.server = server;
    const greeting = upstream.greet(config);
    this.hear(server.opened());
    this.write(greeting);
  }

  /** Sends a command and handles everything that follows from it. Returns the events it led to. */
  send(command: Command): readonly UpstreamEvent[] {
    const before = this.events.length;
    this.write(this.upstream.encode(command));
    return this.events.slice(before);
  }

  /** The server says this by itself. */
  hear(messages: readonly WireMessage[]): readonly UpstreamEvent[] {
    const before = this.events.length;
    for (const message of messages) {
      const replies: WireMessage[] = [];
      for (const event of this.upstream.decode(message)) {
        if (event.type === "reply") replies.push(event.data);
        this.events.push(event.type === "audio" ? { ...event, bytes: event.bytes.slice() } : event);
      }
      this.write(replies);
    }
    return this.events.slice(before);
  }

  write(messages: readonly WireMessage[]): void {
    for (const message of messages) {
      const copy = typeof message === "string" ? message : message.slice();
      this.hear(this.server.receive(copy));
    }
  }

  of<T extends UpstreamEvent["type"]>(type: T): Extract<UpstreamEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<UpstreamEvent, { type: T }> => event.type === type);
  }

  /** All audio of one answer, joined. */
  audio(response?: string): Uint8Array {
    const pieces = this.of("audio").filter((event) => response === undefined || event.response === response);
    const joined = new Uint8Array(pieces.reduce((length, { bytes }) => length + bytes.length, 0));
    let at = 0;
    for (const { bytes } of pieces) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return joined;
  }
}

/** What breaks the order that the interface promises, in words; empty when nothing does. */
export function orderFaults(events: readonly UpstreamEvent[]): string[] {
  const faults: string[] = [];
  const open = new Set<string>();
  const ended = new Set<string>();
  const items = new Map<string, { response: string; open: boolean }>();
  let ready = 0;
  for (const event of events) {
    if (event.type === "ready" && ++ready > 1) faults.push("ready twice");
    if (event.type === "response.started") {
      if (open.has(event.response) || ended.has(event.response))
        faults.push(`${event.response} started twice`);
      open.add(event.response);
    }
    if (!("response" in event) || event.type === "response.started") continue;
    if (!open.has(event.response)) faults.push(`${event.type} outside an open response`);
    if (event.type === "response.done") {
      for (const [id, item] of items)
        if (item.open && item.response === event.response) faults.push(`${id} left open`);
      open.delete(event.response);
      ended.add(event.response);
      continue;
    }
    const item = items.get(event.item);
    if (event.type === "item.started") {
      if (item !== undefined) faults.push(`${event.item} started twice`);
      items.set(event.item, { response: event.response, open: true });
    } else if (item === undefined || !item.open || item.response !== event.response) {
      faults.push(`${event.type} of an item that is not open`);
    } else if (event.type === "item.done") item.open = false;
    if (event.type === "audio" && event.bytes.length === 0) faults.push("empty audio");
  }
  return faults;
}
