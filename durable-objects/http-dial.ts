/** HTTP requests of upstreams: the response is handed in as it comes. Deadlines and bounds are the session's, which hangs up. */
import type { DialRequest, ResponseHead } from "../src/upstreams/upstream.ts";

/** The response's head has come. @throws when the provider cannot be reached; what is thrown must not be shown. */
export async function request({ url, headers, http }: DialRequest, signal: AbortSignal): Promise<Response> {
  // A redirect would carry the provider's key elsewhere: it is an answer like any other.
  return fetch(url, { ...http, headers, signal, redirect: "manual" });
}

export function headOf({ status, headers }: Response): ResponseHead {
  const type = headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  return { status, type };
}

/** @throws when it breaks off. */
export async function readBody(response: Response, each: (bytes: Uint8Array) => boolean): Promise<void> {
  if (response.body === null) return;
  // Leaving the loop cancels what is left of the body.
  for await (const bytes of response.body) if (!each(bytes as Uint8Array)) return;
}
