/** Places between the parts where faults can be put. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Command, Upstream, UpstreamEvent, UpstreamFactory } from "../../../src/upstreams/upstream.ts";
import { objectOf, parsed } from "../fields.ts";
import type { Tampering } from "../play.ts";

export interface Mutation {
  readonly name: string;
  /** A known finding that makes what it breaks broken already: until it is mended nothing can be found. */
  readonly waitsFor?: string;
  tampering(): Tampering;
}

export type OnEvent = (event: UpstreamEvent) => UpstreamEvent | readonly UpstreamEvent[] | null;
export type OnCommand = (command: Command) => Command | null;

/** An adapter that tells or takes something else than the real one. */
function adapter(decode: OnEvent, encode: OnCommand = (command) => command): Tampering {
  const wrap =
    (factory: UpstreamFactory): UpstreamFactory =>
    (options) => {
      const real = factory(options);
      const wrapped: Upstream = {
        get capabilities() {
          return real.capabilities;
        },
        request: (kind) => real.request(kind),
        greet: (config) => real.greet(config),
        encode: (command) => {
          const changed = encode(command);
          return changed === null ? [] : real.encode(changed);
        },
        decode: (message) =>
          real.decode(message).flatMap((event) => {
            const changed = decode(event);
            return changed === null ? [] : changed;
          }),
        get held() {
          return real.held ?? 0;
        },
        settle: () => real.settle?.() ?? [],
        get unjudged() {
          return real.unjudged ?? 0;
        },
        get unnamed() {
          return real.unnamed ?? 0;
        },
        giveUpNames: () => real.giveUpNames?.() ?? [],
        closed: (code, reason) => real.closed(code, reason),
        snapshot: () => real.snapshot(),
        restore: (snapshot) => real.restore(snapshot),
      };
      return wrapped;
    };
  return { upstream: wrap };
}

export const told = (decode: OnEvent): Tampering => adapter(decode);
export const asked = (encode: OnCommand): Tampering => adapter((event) => event, encode);

/** Messages of the provider before the adapter reads them. */
export function wire(change: (event: JsonObject) => JsonObject | null): Tampering {
  return {
    upstream: (factory) => (options) => {
      const real = factory(options);
      const decode = real.decode.bind(real);
      real.decode = (message) => {
        if (typeof message !== "string") return decode(message);
        const changed = change(parsed(message) ?? {});
        return changed === null ? [] : decode(JSON.stringify(changed));
      };
      return real;
    },
  };
}

/** All that one message of the provider leads to. */
export function led(change: (events: readonly UpstreamEvent[]) => readonly UpstreamEvent[]): Tampering {
  return {
    upstream: (factory) => (options) => {
      const real = factory(options);
      const decode = real.decode.bind(real);
      real.decode = (message) => change(decode(message));
      return real;
    },
  };
}

/** Messages of the relay on their way to the client. */
export function client(change: (event: JsonObject) => JsonObject | null): Tampering {
  return {
    toClient: (text) => {
      const changed = change(parsed(text) ?? {});
      return changed === null ? [] : [JSON.stringify(changed)];
    },
  };
}

export const ofType =
  (type: string, change: (event: JsonObject) => JsonObject | null) =>
  (event: JsonObject): JsonObject | null =>
    event["type"] === type ? change(event) : event;

export const inError = (change: (error: JsonObject) => JsonObject) =>
  ofType("error", (event) => ({ ...event, error: change(objectOf(event["error"])) }));

export const inResponse = (type: string, change: (response: JsonObject) => JsonObject) =>
  ofType(type, (event) => ({ ...event, response: change(objectOf(event["response"])) }));
