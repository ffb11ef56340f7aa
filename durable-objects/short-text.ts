/** The body of an answer that is short. @throws when there is more than it may have. */
export async function shortText(response: Response, mostChars: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    if (text.length > mostChars) throw new Error("the answer is too long");
  }
  return text;
}
