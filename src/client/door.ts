/** From what the application knows (a relay and a key, or a session URL and a token) to a WebSocket to open. */
import { RelayError, reasonOf } from "./error.ts";
import { arrayAt, isJsonObject, objectAt, parseJsonObject, stringAt } from "./json.ts";

export interface Target {
  readonly url: string;
  readonly protocols: readonly string[];
}

export interface DoorOptions {
  /** The relay (`https://relay.example`) for a key, or for an `ek_…` token; else the session's WebSocket URL. */
  readonly url: string;
  /** Never ship a relay key to a public page: let a server of yours create the session and hand out its token. */
  readonly apiKey?: string;
  /** A session's single-use token, or an `ek_…` client secret. May be left out when the URL already holds it. */
  readonly token?: string;
  /** Route of the relay's configuration; the relay's default when left out. */
  readonly model?: string;
  readonly signal?: AbortSignal;
}

const SUBPROTOCOL = "duplex.v1";

/** @throws RelayError `invalid_url`, `unreachable`, `refused` (with HTTP status) or `invalid_answer`. */
export async function openDoor(options: DoorOptions): Promise<Target> {
  const url = parseUrl(options.url);
  if (options.apiKey !== undefined) return createSession(url, options.apiKey, options);
  if (options.token?.startsWith("ek_")) {
    const door = socketUrl(new URL("/v1/realtime", url));
    if (options.model !== undefined) door.searchParams.set("model", options.model);
    return { url: door.href, protocols: [SUBPROTOCOL, `openai-insecure-api-key.${options.token}`] };
  }
  const protocols = options.token === undefined ? [] : [`relay-token.${options.token}`];
  return { url: socketUrl(url).href, protocols: [SUBPROTOCOL, ...protocols] };
}

/** Asks the relay for a session. The session's configuration goes over the socket, where it is answered. */
async function createSession(base: URL, apiKey: string, options: DoorOptions): Promise<Target> {
  let response: Response;
  try {
    response = await fetch(new URL("/v1/sessions", base), {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: JSON.stringify(options.model === undefined ? {} : { model: options.model }),
      signal: options.signal ?? null,
    });
  } catch (error) {
    throw new RelayError("unreachable", `The relay cannot be reached: ${reasonOf(error)}`, null, error);
  }
  const body = parseJsonObject(await response.text());
  if (!response.ok) {
    const reason =
      stringAt(body, "detail") ?? stringAt(objectAt(body, "error"), "message") ?? stringAt(body, "title");
    throw new RelayError("refused", reason ?? `The relay answered ${response.status}`, response.status);
  }
  const url = stringAt(body, "url");
  if (url === null)
    throw new RelayError("invalid_answer", "The relay's answer has no session URL", response.status);
  return { url: socketUrl(parseUrl(url)).href, protocols: [SUBPROTOCOL] };
}

/** Where the session that was opened at `target` is resumed. */
export function resumeTarget(target: Target, sessionId: string, resumeToken: string): Target {
  const url = new URL(`/v1/sessions/${encodeURIComponent(sessionId)}`, target.url);
  url.searchParams.set("resume_token", resumeToken);
  return { url: url.href, protocols: [SUBPROTOCOL] };
}

/** Opens the socket and waits until it is usable. */
export function openSocket(target: Target, signal?: AbortSignal): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(target.url, [...target.protocols]);
    socket.binaryType = "arraybuffer";
    const settled = new AbortController();
    const fail = (error: RelayError): void => {
      settled.abort();
      socket.close();
      reject(error);
    };
    const once = { signal: settled.signal };
    socket.addEventListener(
      "open",
      () => {
        if (socket.protocol !== SUBPROTOCOL) {
          fail(new RelayError("protocol", `The server speaks "${socket.protocol}", not ${SUBPROTOCOL}`));
          return;
        }
        settled.abort();
        resolve(socket);
      },
      once,
    );
    // A browser does not tell why an upgrade was refused: neither status nor body.
    socket.addEventListener(
      "close",
      (event) =>
        fail(new RelayError("refused", event.reason || "The relay refused the WebSocket", event.code)),
      once,
    );
    signal?.addEventListener("abort", () => fail(new RelayError("aborted", "Connecting was aborted")), once);
    if (signal?.aborted === true) fail(new RelayError("aborted", "Connecting was aborted"));
  });
}

/** Names in `GET /v1/models`. @throws RelayError as `openDoor`. */
export async function listModels(relay: string, apiKey: string, signal?: AbortSignal): Promise<string[]> {
  const url = new URL("/v1/models", parseUrl(relay));
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal: signal ?? null,
  });
  const body = parseJsonObject(await response.text());
  if (!response.ok) throw new RelayError("refused", `The relay answered ${response.status}`, response.status);
  return arrayAt(body, "data").flatMap((model) => (isJsonObject(model) ? (stringAt(model, "id") ?? []) : []));
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch (error) {
    throw new RelayError("invalid_url", `Not a URL: ${url.split("?")[0] ?? ""}`, null, error);
  }
}

function socketUrl(url: URL): URL {
  const socket = new URL(url);
  if (socket.protocol === "http:") socket.protocol = "ws:";
  if (socket.protocol === "https:") socket.protocol = "wss:";
  return socket;
}
