import type { Json } from "../src/protocol/json.ts";

export class TooLong extends Error {
  override readonly name = "TooLong";
}

/** The body of an answer that is short. @throws TooLong when there is more than it may have. */
export async function shortText(response: Response, mostChars: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    if (text.length > mostChars) throw new TooLong("the answer is too long");
  }
  return text + decoder.decode();
}

/** The body of an answer that is short, as JSON. @throws for more than it may have, for a status that is no success, and for what is no JSON. */
export async function shortJson(response: Response, mostChars: number): Promise<Json> {
  const text = await shortText(response, mostChars);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return JSON.parse(text) as Json;
}
