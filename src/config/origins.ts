/**
 * Who may call from a page or an app: what `allowedOrigins` of relay.config.ts may say, and whether an `Origin` header
 * is meant by it. A web view's origin has any scheme (`chrome-extension://…`, `capacitor://localhost`), which `URL` calls
 * opaque: origins are compared as text.
 */
const ORIGIN =
  /^([a-z][a-z0-9+.-]*):\/\/(\*|\.|\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)?(?::(\d{1,5}))?$/;
const WEB: ReadonlySet<string> = new Set(["http", "https"]);
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** What is wrong with an entry of `allowedOrigins`; null: nothing. */
export function faultOfOrigin(entry: string): string | null {
  if (entry === "*" || entry === "null") return null;
  if (entry !== entry.toLowerCase()) return `'${entry}' never comes: browsers write an origin in lower case`;
  const [whole, scheme = "", host = "", port] = ORIGIN.exec(entry) ?? [];
  if (whole === undefined) return malformed(entry);
  if (Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) return `'${entry}' has no port that there is`;
  if (port !== undefined && DEFAULT_PORTS[scheme] === port) {
    return `'${entry}' never comes: browsers leave out the port ${port} of ${scheme}`;
  }
  if (WEB.has(scheme)) return faultOfWebHost(entry, host);
  return host === "" && scheme !== "file" ? `'${entry}' has no host` : null;
}

function malformed(entry: string): string {
  if (/[^\x21-\x7e]/.test(entry)) {
    return `'${entry}' is not as browsers write it: without spaces, other letters as xn--…`;
  }
  if (/^[\w.*-]+(:\d+)?$/.test(entry)) return `'${entry}' has no scheme: write https://${entry}`;
  if (/^[^/]+:\/\/[^/]*\/.*$/.test(entry)) {
    return `'${entry}' has a path or a slash at its end: an origin is scheme://host[:port]`;
  }
  if (entry.slice(1).includes("*")) {
    return `'${entry}' has its * at a wrong place: one may stand for the first labels of a host (https://*.example.com)`;
  }
  return `'${entry}' is no origin: scheme://host[:port], https://*.example.com, null, or *`;
}

function faultOfWebHost(entry: string, host: string): string | null {
  if (host === "") return `'${entry}' has no host`;
  if (host === "*") return `'${entry}' would be every site: write * if that is meant`;
  if (host.startsWith("*.") && !host.slice(2).includes(".") && host !== "*.localhost") {
    return `'${entry}' would be every site of a top-level domain`;
  }
  return URL.canParse(entry.replace("*.", "")) ? null : `'${entry}' is no web origin`;
}

/**
 * Whether an `Origin` header is meant by an entry. `*.example.com` stands for one label or more before `.example.com`, never
 * for `example.com` itself; `moz-extension://*` for every host of that scheme.
 */
export function allowsOrigin(entry: string, origin: string): boolean {
  if (entry === "*") return true;
  const asked = origin.toLowerCase();
  const at = entry.indexOf("*");
  if (at < 0) return entry === asked;
  const [before, after] = [entry.slice(0, at), entry.slice(at + 1)];
  if (!asked.startsWith(before) || !asked.endsWith(after)) return false;
  return /^[a-z0-9_.-]+$/.test(asked.slice(before.length, asked.length - after.length));
}
