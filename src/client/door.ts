/** From what the application knows (a relay and a key, or a session URL and a token) to a WebSocket to open. */
import { RelayError, reasonOf } from "./error.ts";
import { arrayAt, isJsonObject, objectAt, parseJsonObject, stringAt, type JsonObject } from "./json.ts";

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
/** What a header can hold of a key, and a subprotocol of a token (RFC 9110 §5.5, §5.6.2). */
const SENDABLE = { "API key": /^[\x21-\x7e]*$/, token: /^[\w!#$%&'*+.^`|~-]*$/ };

/** @throws RelayError `invalid_url`, `unreachable`, `refused` (with HTTP status) or `invalid_answer`. */
export async function openDoor(options: DoorOptions): Promise<Target> {
  const url = parseUrl(options.url);
  const token = options.token === undefined ? null : sendable(options.token, "token");
  if (options.apiKey !== undefined) return createSession(url, options.apiKey, options);
  if (token?.startsWith("ek_") === true) {
    const door = socketUrl(new URL("/v1/realtime", url));
    if (options.model !== undefined) door.searchParams.set("model", options.model);
    return { url: door.href, protocols: [SUBPROTOCOL, `openai-insecure-api-key.${token}`] };
  }
  return sessionTarget(url, token);
}

/** A secret without what stood around it where it was copied. @throws RelayError `refused` */
function sendable(secret: string, what: keyof typeof SENDABLE): string {
  const trimmed = secret.trim();
  if (SENDABLE[what].test(trimmed)) return trimmed;
  throw new RelayError("refused", `This is no ${what} of a relay: it has characters that none has`);
}

/** A token goes as a subprotocol, also one that came in the URL: URLs are written into logs. */
function sessionTarget(session: URL, token: string | null): Target {
  const url = socketUrl(session);
  const said = token ?? url.searchParams.get("token");
  url.searchParams.delete("token");
  return { url: url.href, protocols: [SUBPROTOCOL, ...(said === null ? [] : [`relay-token.${said}`])] };
}

/** Asks the relay for a session. The session's configuration goes over the socket, where it is answered. */
async function createSession(base: URL, apiKey: string, options: DoorOptions): Promise<Target> {
  const body = await ask(pageUrl("/v1/sessions", base), {
    method: "POST",
    headers: { authorization: `Bearer ${sendable(apiKey, "API key")}`, "content-type": "application/json" },
    body: JSON.stringify(options.model === undefined ? {} : { model: options.model }),
    signal: options.signal ?? null,
  });
  const url = stringAt(body, "url");
  if (url === null) throw new RelayError("invalid_answer", "The relay's answer has no session URL");
  return sessionTarget(parseUrl(url), stringAt(body, "token"));
}

/** What the relay answers, or what it gives as the reason for refusing. @throws RelayError */
async function ask(url: URL, request: RequestInit): Promise<JsonObject | null> {
  let response: Response;
  let body: JsonObject | null;
  try {
    response = await fetch(url, request);
    body = parseJsonObject(await response.text());
  } catch (error) {
    if (request.signal?.aborted === true)
      throw new RelayError("aborted", "Connecting was aborted", null, error);
    throw new RelayError("unreachable", `The relay cannot be reached: ${reasonOf(error)}`, null, error);
  }
  if (response.ok) return body;
  const reason =
    stringAt(body, "detail") ?? stringAt(objectAt(body, "error"), "message") ?? stringAt(body, "title");
  throw new RelayError("refused", reason ?? `The relay answered ${response.status}`, response.status);
}

/** Where the session that was opened at `target` is resumed. Its token goes as a subprotocol, as any other does. */
export function resumeTarget(target: Target, sessionId: string, resumeToken: string): Target {
  const url = new URL(`/v1/sessions/${encodeURIComponent(sessionId)}`, target.url);
  return { url: url.href, protocols: [SUBPROTOCOL, `relay-resume.${resumeToken}`] };
}

/** Opens the socket and waits until it is usable. One that opens after it was given up is closed without a word. */
export function openSocket(target: Target, signal?: AbortSignal): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = makeSocket(target);
    const settled = new AbortController();
    const fail = (error: RelayError): void => {
      settled.abort();
      // Not every WebSocket can be closed before it is open.
      socket.addEventListener("open", () => socket.close(1000));
      socket.close();
      reject(error);
    };
    const once = { signal: settled.signal };
    const opened = (): void => {
      if (socket.protocol !== SUBPROTOCOL) {
        fail(new RelayError("protocol", `The server speaks "${socket.protocol}", not ${SUBPROTOCOL}`));
        return;
      }
      settled.abort();
      resolve(socket);
    };
    socket.addEventListener("open", opened, once);
    // A browser does not tell why an upgrade was refused: neither status nor body.
    const closed = ({ reason, code }: CloseEvent): void =>
      fail(new RelayError("refused", reason || "The relay refused the WebSocket", code));
    socket.addEventListener("close", closed, once);
    const aborted = (): void => fail(new RelayError("aborted", "Connecting was aborted"));
    signal?.addEventListener("abort", aborted, once);
    if (signal?.aborted === true) aborted();
  });
}

/** @throws RelayError `unsupported` or `invalid_url`. */
function makeSocket({ url, protocols }: Target): WebSocket {
  if (!("WebSocket" in globalThis)) {
    throw new RelayError(
      "unsupported",
      "There is no WebSocket here: a browser or Node 22 or newer is needed",
    );
  }
  try {
    const socket = new WebSocket(url, [...protocols]);
    socket.binaryType = "arraybuffer";
    return socket;
  } catch (error) {
    throw new RelayError("invalid_url", `No WebSocket can be opened: ${reasonOf(error)}`, null, error);
  }
}

/** What a relay can be asked for, as its operator describes it. */
export interface Model {
  readonly id: string;
  readonly description: string | null;
  /** What to say to it, to try it out. */
  readonly examples: readonly string[];
}

/** What `GET /v1/models` offers. @throws RelayError as `openDoor`. */
export async function describeModels(relay: string, apiKey: string, signal?: AbortSignal): Promise<Model[]> {
  const headers = { authorization: `Bearer ${sendable(apiKey, "API key")}` };
  const body = await ask(pageUrl("/v1/models", parseUrl(relay)), { headers, signal: signal ?? null });
  return arrayAt(body, "data").flatMap((model) => {
    const id = isJsonObject(model) ? stringAt(model, "id") : null;
    if (!isJsonObject(model) || id === null) return [];
    const examples = arrayAt(model, "examples").filter((each) => typeof each === "string");
    return [{ id, description: stringAt(model, "description"), examples }];
  });
}

/** Names in `GET /v1/models`. @throws RelayError as `openDoor`. */
export async function listModels(relay: string, apiKey: string, signal?: AbortSignal): Promise<string[]> {
  return (await describeModels(relay, apiKey, signal)).map(({ id }) => id);
}

function parseUrl(url: string): URL {
  try {
    return new URL(url);
  } catch (error) {
    throw new RelayError("invalid_url", `Not a URL: ${url.split("?")[0] ?? ""}`, null, error);
  }
}

/** A relay may be known by the address of its sockets. */
function pageUrl(path: string, relay: URL): URL {
  const url = new URL(path, relay);
  if (url.protocol === "ws:") url.protocol = "http:";
  if (url.protocol === "wss:") url.protocol = "https:";
  return url;
}

function socketUrl(url: URL): URL {
  const socket = new URL(url);
  if (socket.protocol === "http:") socket.protocol = "ws:";
  if (socket.protocol === "https:") socket.protocol = "wss:";
  return socket;
}
