/**
 * Calls tools of MCP servers over streamable HTTP (modelcontextprotocol.io, 2025-06-18): `initialize`, `tools/list`, `tools/call`,
 * answered as JSON or as a stream of events, in a session where the server has one. A call is sent once: nothing of the
 * protocol keeps a server from doing it twice. Neither arguments nor results are logged.
 */
import { createParser } from "eventsource-parser";
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../src/protocol/json.ts";
import type { McpTool, ToolResult } from "../src/session/state/tool-plan.ts";
import { textAt } from "../src/upstreams/json.ts";
import { shortText, TooLong } from "./short-json.ts";
import { within } from "./within.ts";

/** Characters of a result, and of all that a server says until it has come. */
const MOST_RESULT = 65_536;
const MOST_SAID = 1024 * 1024;
/** Of what it says of a request that it refuses. */
const MOST_REFUSAL = 4096;
const MOST_PAGES = 16;
const MOST_SESSION_CHARS = 1024;
const MOST_BEGIN_MS = 15_000;
const VERSION = "2025-06-18";
const CLIENT = { name: "edge-duplex-relay", version: "1" };
/** Of the name of a call in `_meta`, for servers that keep what they did. */
const CALL_ID = "edge-duplex-relay/call_id";
const NOTHING_SAID = "done";

/** What a server answered that is no result. `gone`: it has forgotten the session. */
class McpFault extends Error {
  override readonly name = "McpFault";
  readonly kind: "refused" | "unreachable" | "gone";

  constructor(kind: McpFault["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

interface Begun {
  readonly session: string | null;
  readonly version: string;
}

export type McpServer = Pick<McpTool, "url" | "authorization">;

/** One server, and the session that it gave. */
export class McpClient {
  readonly #server: McpServer;
  #begun: Promise<Begun> | null = null;
  #count = 0;

  constructor(server: McpServer) {
    this.#server = server;
  }

  /**
   * Settles within `ms`, and a little.
   * @param given a JSON object, which is sent as it was written; @param id the same for a call that is made again.
   */
  async call(name: string, given: string, id: string, ms: number): Promise<ToolResult> {
    let late = false;
    try {
      return await within(ms, async (signal) => {
        signal.addEventListener("abort", () => (late = true));
        const named = JSON.stringify({ name, _meta: { [CALL_ID]: id } });
        const params = `${named.slice(0, -1)},"arguments":${given.trim()}}`;
        return resultOf(await this.#inSession("tools/call", params, signal));
      });
    } catch (error) {
      if (error instanceof TooLong) return { failure: "too_large" };
      if (error instanceof McpFault && !late)
        return { failure: error.kind === "gone" ? "unreachable" : error.kind };
      return { failure: late ? "timeout" : "unreachable" };
    }
  }

  /** What the server offers. @throws Error */
  async tools(ms: number): Promise<readonly JsonObject[]> {
    const all: JsonObject[] = [];
    let cursor: Json | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const params = JSON.stringify(cursor === undefined ? {} : { cursor });
      const result = await within(ms, (signal) => this.#inSession("tools/list", params, signal));
      const listed = result["tools"];
      if (Array.isArray(listed)) all.push(...listed.filter((one) => isJsonObject(one)));
      cursor = result["nextCursor"];
      if (typeof cursor !== "string") break;
    }
    return all;
  }

  /** A server that has forgotten the session has done nothing of what it was sent in it: it is begun anew, once. */
  async #inSession(method: string, params: string, signal: AbortSignal): Promise<JsonObject> {
    const beginning = this.#begin();
    const begun = await beginning;
    // What was given up meanwhile is not sent any more.
    signal.throwIfAborted();
    try {
      return await this.#request(method, params, begun, signal);
    } catch (error) {
      if (!(error instanceof McpFault) || error.kind !== "gone") throw error;
      // Another call that met it may have begun anew already.
      if (this.#begun === beginning) this.#begun = null;
      const anew = await this.#begin();
      signal.throwIfAborted();
      return this.#request(method, params, anew, signal);
    }
  }

  /** For all who wait for it: none of them takes it from the others by having waited for too long. */
  #begin(): Promise<Begun> {
    this.#begun ??= this.#initialize(AbortSignal.timeout(MOST_BEGIN_MS)).catch((error: unknown) => {
      this.#begun = null;
      throw error;
    });
    return this.#begun;
  }

  async #initialize(signal: AbortSignal): Promise<Begun> {
    const params = { protocolVersion: VERSION, capabilities: {}, clientInfo: CLIENT };
    const { response, id } = await this.#post("initialize", JSON.stringify(params), null, signal);
    const result = await answerTo(response, id);
    const version = result["protocolVersion"];
    const session = response.headers.get("mcp-session-id");
    if (session !== null && session.length > MOST_SESSION_CHARS)
      throw new McpFault("refused", "its session has too long a name");
    const begun = { session, version: typeof version === "string" ? version : VERSION };
    const notice = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
    const told = await this.#send(notice, begun, signal);
    await told.body?.cancel();
    return begun;
  }

  async #request(method: string, params: string, begun: Begun, signal: AbortSignal): Promise<JsonObject> {
    const { response, id } = await this.#post(method, params, begun, signal);
    return answerTo(response, id);
  }

  /** @param params as JSON */
  async #post(method: string, params: string, begun: Begun | null, signal: AbortSignal) {
    this.#count += 1;
    const id = this.#count;
    const message = `${JSON.stringify({ jsonrpc: "2.0", id, method }).slice(0, -1)},"params":${params}}`;
    return { id, response: await this.#send(message, begun, signal) };
  }

  async #send(body: string, begun: Begun | null, signal: AbortSignal): Promise<Response> {
    const { url, authorization } = this.#server;
    const headers = {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      ...(authorization !== undefined && { Authorization: authorization }),
      ...(begun !== null && { "MCP-Protocol-Version": begun.version }),
      ...(begun !== null && begun.session !== null && { "Mcp-Session-Id": begun.session }),
    };
    // Not followed: another host would be told what this one was.
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal,
    });
    if (response.ok) return response;
    const { status } = response;
    const gone = begun !== null && begun.session !== null && (await isForgotten(response));
    await response.body?.cancel();
    if (gone) throw new McpFault("gone", `HTTP ${status}`);
    throw new McpFault(status >= 500 || status === 429 ? "unreachable" : "refused", `HTTP ${status}`);
  }
}

/**
 * Whether the server does not know the session: 404 (2025-06-18, "Session Management"), or what is made after the official SDK's
 * example answers, 400 `No valid session ID provided`.
 */
async function isForgotten(response: Response): Promise<boolean> {
  if (response.status !== 400) return response.status === 404;
  const said = await shortText(response, MOST_REFUSAL).catch(() => "");
  return /session/i.test(said);
}

/** The result of the request of this number. @throws McpFault, TooLong */
async function answerTo(response: Response, id: number): Promise<JsonObject> {
  const streams = response.headers.get("content-type")?.includes("text/event-stream") === true;
  let said = "";
  let answer: JsonObject | null = null;
  const takes = (text: string): void => {
    const message = parseJsonObject(text);
    // A stream may hold requests and notices of the server's before.
    if (message?.["id"] === id && message["method"] === undefined) answer = message;
  };
  const parser = createParser({ onEvent: ({ data }) => takes(data) });
  const decoder = new TextDecoder();
  let chars = 0;
  for await (const bytes of response.body ?? []) {
    const text = decoder.decode(bytes as Uint8Array, { stream: true });
    chars += text.length;
    if (chars > MOST_SAID) throw new TooLong("the answer is too long");
    if (streams) parser.feed(text);
    else said += text;
    // The stream may stay open: leaving the loop ends it.
    if (answer !== null) break;
  }
  if (!streams) takes(said);
  return resultIn(answer);
}

function resultIn(answer: JsonObject | null): JsonObject {
  if (answer === null) throw new McpFault("unreachable", "no answer to the request");
  const { result } = answer;
  if (!isJsonObject(result)) throw new McpFault("refused", "the request was answered with an error");
  return result;
}

/** What a model is told of what a tool gave: its texts, or what it gave as an object. */
function resultOf(result: JsonObject): ToolResult {
  const content = Array.isArray(result["content"]) ? result["content"] : [];
  const texts = content.flatMap((part) => {
    if (!isJsonObject(part)) return [];
    const text = part["text"];
    return typeof text === "string"
      ? [text]
      : [`(${textAt(part, "type") ?? "something"} that cannot be told)`];
  });
  const structured = result["structuredContent"];
  const said = texts.length === 0 && isJsonObject(structured) ? JSON.stringify(structured) : texts.join("\n");
  const output = said.trim() === "" ? NOTHING_SAID : said;
  if (output.length > MOST_RESULT) return { failure: "too_large" };
  return { output: result["isError"] === true ? `The tool reports an error: ${output}` : output };
}
