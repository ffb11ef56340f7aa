/**
 * Who may call a demo voice on this machine: programs, and pages of this machine. A page of another origin would otherwise
 * take its connections and its time, and one whose name was rebound to 127.0.0.1 (DNS rebinding) comes under that name.
 */
import type { IncomingMessage } from "node:http";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Why this request is refused, or null. @param bound the address that is listened on: one that is not loopback has any name. */
export function foreignTo(bound: string, { headers }: IncomingMessage): string | null {
  const { origin, host } = headers;
  if (origin !== undefined && !isLoopback(origin))
    return "Pages of other origins may not call the demo voice.";
  const local = isLoopback(`http://${bound.includes(":") ? `[${bound}]` : bound}`);
  // HTTP/1.0 has none.
  if (local && host !== undefined && !isLoopback(`http://${host}`)) return "The demo voice has no such host.";
  return null;
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
}
