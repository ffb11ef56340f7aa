import type { Json } from "../src/protocol/json.ts";

/** The body of an answer that is short. @throws when there is more than it may have. */
async function shortText(response: Response, mostChars: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    if (text.length > mostChars) throw new Error("the answer is too long");
  }
  return text;
}

/** The body of an answer that is short, as JSON. @throws for more than it may have, for a status that is no success, and for what is no JSON. */
export async function shortJson(response: Response, mostChars: number): Promise<Json> {
  const text = await shortText(response, mostChars);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return JSON.parse(text) as Json;
}
