/**
 * Addresses that a deployed Worker cannot reach, though one on a machine of one's own can: `fetch` to a bare IP address is
 * error 1003 at Cloudflare, and names that only a private network knows resolve to nothing there.
 */

/** Names that are never public: RFC 6761, 6762, 8375, 9476, and what routers give out. */
const PRIVATE_SUFFIXES = [
  "localhost",
  "local",
  "internal",
  "home.arpa",
  "lan",
  "intranet",
  "private",
  "corp",
];

/** Why a deployed Worker cannot reach this URL, or null. Without the host, which may come from a secret. */
export function faultOfHost(url: string): string | null {
  if (!URL.canParse(url)) return null;
  // `URL` writes every spelling of an IPv4 address (0x7f.1, 2130706433) with four numbers.
  const host = new URL(url.replace(/^ws/i, "http")).hostname.replace(/\.$/, "");
  if (host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host)) {
    return "is an IP address, which a deployed Worker may not fetch (Cloudflare's error 1003): give it a public name";
  }
  if (!host.includes(".") || PRIVATE_SUFFIXES.some((suffix) => host.endsWith(`.${suffix}`))) {
    return "is a name of a private network, which a deployed Worker does not know: give it a public one, by a tunnel";
  }
  return null;
}
