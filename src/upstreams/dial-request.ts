/** Where and with which headers to dial, from the options of an upstream; nothing of theirs is repeated in an error. */
import { type DialRequest, UpstreamOptionsError } from "./upstream.ts";

/** `wss://host/path` → `https://host/path?model=…`: a Worker dials by `fetch`, which refuses `ws:`. What is in `url` wins. */
export function dialUrl(url: string | undefined, query: Readonly<Record<string, string>> = {}): string {
  const parts = /^(ws|http)(s?):\/\/([^\s/?#]+)([^\s?#]*)(?:\?([^\s#]*))?(?:#\S*)?$/i.exec(url ?? "");
  if (!parts) throw new UpstreamOptionsError("url: expected an absolute ws:, wss:, http: or https: URL.");
  const [, , secure = "", host = "", path = "", given = ""] = parts;
  if (host.includes("@"))
    throw new UpstreamOptionsError("url: credentials belong in headers, not in the URL.");
  const pairs = given.split("&").filter((pair) => pair !== "");
  const named = new Set(pairs.map((pair) => pair.split("=", 1)[0]));
  for (const [name, value] of Object.entries(query)) {
    if (!named.has(name)) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  }
  const scheme = secure === "" ? "http" : "https";
  return `${scheme}://${host}${path || "/"}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`;
}

/** The same request with a name for the connection, where its provider asks for one and its address has none. */
export function named(request: DialRequest, draw: () => string): DialRequest {
  const { named: parameter, ...rest } = request;
  if (parameter === undefined) return request;
  return { ...rest, url: dialUrl(request.url, { [parameter]: draw() }) };
}

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
/** What the handshake itself needs: set by whoever dials. */
const RESERVED = /^(?:upgrade|connection|host|sec-websocket-.*)$/i;

export function dialHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) throw new UpstreamOptionsError("headers: not a header name.");
    if (RESERVED.test(name)) throw new UpstreamOptionsError(`headers.${name}: belongs to the handshake.`);
    // Node and workerd would throw a TypeError that repeats the value, which may be a key.
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new UpstreamOptionsError(`headers.${name}: not a header value.`);
    }
    all[name] = value;
  }
  return all;
}
