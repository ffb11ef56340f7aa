/** Who is asked for an answer, and when the relay asks by itself. */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Configuration } from "../client/configuration.ts";
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";
import type { Responses } from "./responses.ts";

/** Read when it is asked for: some of these parts are made later. */
interface AskingParts {
  readonly context: Context;
  readonly config: Configuration;
  readonly links: readonly Link[];
  readonly responses: Responses;
}

export class Asking {
  readonly #parts: AskingParts;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** Answers are the relay's to ask for, not only the client's. */
  get may(): boolean {
    const { config } = this.#parts;
    return config.turnDetection?.create_response === true && !config.transcriptionOnly;
  }

  /** Upstreams that answer turns: a duplex one speaks when it likes. */
  get #answerers(): readonly Link[] {
    return this.#parts.links.filter((link) => link.capabilities.turns !== "none");
  }

  /** A turn is over. An answer that may not be interrupted goes on; the turn is in the conversation for the next one. */
  turn(): void {
    if (this.may && this.#parts.responses.answering.length === 0) this.answer();
  }

  /** Asks everyone for the answer to the last turn. */
  answer(): void {
    this.ask(this.#answerers, {});
  }

  ask(links: readonly Link[], params: ResponseParams): void {
    this.#parts.context.deadlines.clear("idle");
    for (const link of links) {
      link.ensure();
      this.#parts.responses.request(link, params);
    }
  }

  /** The client's `response.create`. @throws ClientError when nobody can. */
  respond(params: ResponseParams): void {
    const { links } = this.#parts;
    if (params.conversation !== "none") {
      this.ask(this.#answerers.length > 0 ? this.#answerers : links, params);
      return;
    }
    const able = links.filter((link) => link.capabilities.outOfBand);
    if (able.length === 0) {
      throw new ClientError(
        "unsupported",
        "No upstream of this session answers out of band.",
        "response.conversation",
      );
    }
    this.ask(able.slice(0, 1), params);
  }
}
