/**
 * Where a client may put its key or token, in the order in which they are looked at. A browser's WebSocket can set
 * nothing but the URL and the subprotocols, so OpenAI's clients send the key as one of those.
 */
export interface Credentials {
  /** API key or `ek_` client secret. */
  readonly key: string | null;
  /** Token of a session of `POST /v1/sessions`. */
  readonly token: string | null;
  /** Resume token of a session that this client had before. */
  readonly resume: string | null;
}

const KEY_PROTOCOL = "openai-insecure-api-key.";
const TOKEN_PROTOCOL = "relay-token.";
const RESUME_PROTOCOL = "relay-resume.";
/** Three parts of base64url: a JWT. What a `Bearer` of that form holds is a token, anything else a key. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export function readCredentials(request: Request): Credentials {
  const { headers } = request;
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("Authorization") ?? "")?.[1] ?? null;
  const protocols = offeredProtocols(headers);
  const { searchParams } = new URL(request.url);
  const isToken = bearer !== null && JWT.test(bearer) && !bearer.startsWith("ek_");
  return {
    key: (isToken ? null : bearer) ?? headers.get("api-key") ?? entry(protocols, KEY_PROTOCOL),
    token: (isToken ? bearer : null) ?? entry(protocols, TOKEN_PROTOCOL) ?? searchParams.get("token"),
    resume: entry(protocols, RESUME_PROTOCOL) ?? searchParams.get("resume_token"),
  };
}

/** Node's WebSocket separates them by comma and space, `ws` by comma alone. */
function offeredProtocols(headers: Headers): readonly string[] {
  const header = headers.get("Sec-WebSocket-Protocol") ?? "";
  return header.split(",").map((each) => each.trim());
}

function entry(protocols: readonly string[], prefix: string): string | null {
  return protocols.find((each) => each.startsWith(prefix))?.slice(prefix.length) ?? null;
}

export interface Negotiated {
  readonly dialect: "realtime" | "openai-beta" | "vllm-omni" | "duplex.v1";
  /** The one to answer with, or null for none. Never an entry that holds a key. */
  readonly protocol: "realtime" | "duplex.v1" | typeof BETA_PROTOCOL | null;
}

const BETA_PROTOCOL = "openai-beta.realtime-v1";
/** Azure's versions are dates as long as they are of the beta; GA has none (its v1 API). */
const BETA_VERSION = /^\d{4}-\d{2}-\d{2}/;

/** What the client speaks, by its subprotocols, then by what vLLM-Omni's client asks for, and what OpenAI's and Azure's say of the beta. */
export function negotiate(request: Request): Negotiated {
  const { headers } = request;
  const offered = offeredProtocols(headers);
  if (offered.includes("duplex.v1")) return { dialect: "duplex.v1", protocol: "duplex.v1" };
  const dialect = speaksOmni(request)
    ? "vllm-omni"
    : speaksBeta(request, offered)
      ? "openai-beta"
      : "realtime";
  if (offered.includes("realtime")) return { dialect, protocol: "realtime" };
  return { dialect, protocol: offered.includes(BETA_PROTOCOL) ? BETA_PROTOCOL : null };
}

/** vLLM-Omni's client offers no subprotocol: it asks for a duplex session by its URL. */
function speaksOmni({ url }: Request): boolean {
  return new URL(url).searchParams.get("duplex") === "1";
}

function speaksBeta({ headers, url }: Request, offered: readonly string[]): boolean {
  const betas = (headers.get("OpenAI-Beta") ?? "").split(",");
  return (
    offered.includes(BETA_PROTOCOL) ||
    betas.some((each) => each.trim().toLowerCase() === "realtime=v1") ||
    BETA_VERSION.test(new URL(url).searchParams.get("api-version") ?? "")
  );
}
