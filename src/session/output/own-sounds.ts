/**
 * Sounds of the relay's own, as the client is told of them: answers beside the conversation, in OpenAI's order of events, which
 * no upstream gave. They are on the ledger of playback, and are interrupted, as other answers are.
 */
import type { ProviderFormat } from "../../audio/format.ts";
import type { Context } from "../context.ts";
import { next, RESPONSE } from "../transitions.ts";
import type { OutputItems } from "./output-items.ts";
import type { OwnSound, ResponseRecord } from "../state/response.ts";
import type { ResponseRecords } from "./response-records.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { responseDefaults } from "./response-defaults.ts";
import type { ResponseSession } from "./response-session.ts";
import type { Link } from "./ports.ts";

/** Upstreams name their items otherwise. */
const KEY = "relay:own";

export class OwnSounds {
  readonly #context: Context;
  readonly #records: ResponseRecords;
  readonly #writer: ResponseWriter;
  readonly #items: OutputItems;
  readonly #session: ResponseSession;

  constructor(session: ResponseSession, records: ResponseRecords, items: OutputItems) {
    this.#context = session.context;
    this.#records = records;
    this.#writer = session.writer;
    this.#items = items;
    this.#session = session;
  }

  /** @param link whose stream it sounds on. @param words what is said in it; null: nothing. */
  begin(link: Link, own: OwnSound, words: string | null): ResponseRecord {
    const defaults = { ...responseDefaults(this.#session, {}), modality: "audio" } as const;
    const params = { conversation: "none", metadata: { relay: own } } as const;
    const channel = this.#session.voices.channelOf(link.index);
    const response = this.#records.create(link, defaults, false, params, { announced: true, channel, own });
    response.phase = next(RESPONSE, response.phase, "started") ?? response.phase;
    this.#writer.created(response);
    this.#items.handle(response, { type: "item.started", response: "", item: KEY, kind: "message" });
    if (words !== null)
      this.#items.handle(response, { type: "transcript", response: "", item: KEY, delta: words });
    this.#context.persist();
    return response;
  }

  play(response: ResponseRecord, samples: Int16Array, format: ProviderFormat): void {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.#items.handle(response, { type: "audio", response: "", item: KEY, format, bytes });
  }
}
