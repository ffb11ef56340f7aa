/** What an attack is, and what was seen of it. */
import type { Attacker } from "./attacker.ts";

export interface Attack {
  /** As `--only` takes it. */
  readonly name: string;
  /** What it does, in one line. */
  readonly what: string;
  /** It takes so long at least, whatever `--seconds` says. */
  readonly leastSeconds?: number;
  /** The relay answers with a voice: bytes out are what the call is for, and no multiple of bytes in. */
  readonly spoken?: true;
  /** Goes on until `attacker.over`. What breaks a rule is told by `attacker.broke`. */
  run(attacker: Attacker): Promise<void>;
}

/** What a thread is told. */
export interface Order {
  readonly name: string;
  readonly seconds: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** An API key of this attack's own. */
  readonly key: string;
  /** Where a provider that means harm is to listen. */
  readonly hostilePort: number;
}

/** What the relay took in an attack, at least: enough to do the same to another Worker. */
export interface Tape {
  /** Connections that were let in, to sessions of their own and to those that were there. */
  readonly upgrades: number;
  readonly returns: number;
  /** Bytes of a body, and how many requests had them: those that were answered, upgrades that were refused among them. */
  readonly requests: readonly (readonly [bytes: number, count: number])[];
  /** Characters or bytes of a message, likewise: those that the relay must have read. */
  readonly messages: readonly (readonly [size: number, count: number])[];
}

/** What a thread reports. */
export interface Seen {
  /** On the network, in both directions, HTTP and WebSocket frames included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Messages and requests that were sent. */
  readonly messages: number;
  /** `close 1008`, `HTTP 401` …, each with how often. */
  readonly ends: Readonly<Record<string, number>>;
  /** Codes of `error` events, likewise. */
  readonly errors: Readonly<Record<string, number>>;
  /** What was to be refused and was not, or changed something all the same. */
  readonly broken: readonly string[];
  /** Seconds that the attack took. */
  readonly seconds: number;
  readonly tape: Tape;
}

/** What goes from and to an attacking thread. */
export type FromThread =
  | { readonly type: "seen"; readonly seen: Seen }
  | { readonly type: "failed"; readonly message: string };
