/** What stands between a session and its providers, in virtual time: every socket that is dialled leads to a mind. */
import type { Call } from "../support/call.ts";
import type { DialRequest, WireMessage } from "../../src/upstreams/upstream.ts";
import type { Mind, Socket, Stage } from "./mind.ts";

/** Requests beside the sockets of minds (a cascade's), if there are any. */
export interface Beside {
  /** Something is being said. */
  readonly busy: boolean;
  /** @returns whether it is one of these. */
  dialled(peer: string, request: DialRequest, network: Network): boolean;
  sent(peer: string, data: WireMessage): void;
  closed(peer: string): void;
  tick(ms: number): void;
}

export class Network {
  readonly dials: DialRequest[] = [];
  readonly #stage: Stage;
  readonly #make: (socket: Socket, stage: Stage, request: DialRequest) => Mind;
  readonly #beside: Beside | null;
  readonly #minds = new Map<string, Mind>();
  readonly #inbox: { readonly peer: string; readonly data: WireMessage }[] = [];
  #call: Call | null = null;
  #seen = 0;

  constructor(
    stage: Stage,
    make: (socket: Socket, stage: Stage, request: DialRequest) => Mind,
    beside: Beside | null = null,
  ) {
    this.#stage = stage;
    this.#make = make;
    this.#beside = beside;
  }

  /** The call whose sockets these are. */
  join(call: Call): void {
    this.#call = call;
  }

  readonly toUpstream = (peer: string, data: WireMessage): void => {
    this.#inbox.push({ peer, data: typeof data === "string" ? data : data.slice() });
  };

  get call(): Call {
    if (this.#call === null) throw new Error("no call");
    return this.#call;
  }

  /** Somebody says something or is about to. */
  get busy(): boolean {
    return this.#beside?.busy === true || this.#stage.minds.some(({ busy }) => busy);
  }

  /** The mind that serves. */
  get mind(): Mind {
    const mind = this.#stage.minds.findLast(({ closed }) => !closed);
    if (mind === undefined) throw new Error("nobody serves");
    return mind;
  }

  input(peer: string, data: WireMessage): void {
    if (this.call.open.has(peer)) this.call.input({ type: "message", peer, data });
  }

  close(peer: string, code: number): void {
    if (!this.call.open.delete(peer)) return;
    this.call.input({ type: "close", peer, code, reason: "" });
  }

  tick(ms: number): void {
    this.serve();
    for (const mind of this.#minds.values()) mind.tick(ms);
    this.#beside?.tick(ms);
    this.serve();
  }

  /** Everything that was dialled, sent and hung up. */
  serve(): void {
    while (this.#look() || this.#inbox.length > 0) {
      const next = this.#inbox.shift();
      if (next === undefined) continue;
      const mind = this.#minds.get(next.peer);
      if (mind === undefined) this.#beside?.sent(next.peer, next.data);
      else if (!mind.closed) mind.receive(next.data);
    }
  }

  /** @returns whether there was anything. */
  #look(): boolean {
    const { actions } = this.call;
    const from = this.#seen;
    for (; this.#seen < actions.length; this.#seen += 1) {
      const action = actions[this.#seen];
      if (action?.type === "dial") this.#dialled(action.peer, action.request);
      else if (action?.type === "close") this.#closed(action.peer);
    }
    return this.#seen > from;
  }

  #dialled(peer: string, request: DialRequest): void {
    if (!this.call.open.has(peer)) return;
    if (this.#beside?.dialled(peer, request, this) === true) return;
    this.dials.push(request);
    const socket = {
      send: (data: WireMessage) => this.input(peer, data),
      terminate: () => this.close(peer, 1006),
    };
    const mind = this.#make(socket, this.#stage, request);
    this.#minds.set(peer, mind);
    this.call.input({ type: "open", peer });
    mind.opened();
  }

  #closed(peer: string): void {
    // What it was sent before is read.
    for (const { data, ...of } of this.#inbox.splice(0)) {
      const mind = this.#minds.get(of.peer);
      if (mind === undefined) this.#beside?.sent(of.peer, data);
      else if (!mind.closed) mind.receive(data);
    }
    const mind = this.#minds.get(peer);
    if (mind === undefined) this.#beside?.closed(peer);
    else mind.hungUp();
  }
}
