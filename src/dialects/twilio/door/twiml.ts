/** What Twilio is told to do with a call (TwiML). */

/**
 * The call is connected to the stream until that ends. It ends with the call, or because the relay closed it or died: then
 * Twilio goes on with what follows, and asks at `again` what is to be done
 * (https://www.twilio.com/docs/voice/twiml/stream: what follows is executed "only if your server closes the WebSocket").
 * The stream's URL can have no query (error 31920), so the token is part of its path.
 */
export function connectTo(
  stream: string,
  again: string,
  parameters: Readonly<Record<string, string>>,
): string {
  const named = Object.entries(parameters).map(
    ([name, value]) => `<Parameter name="${escaped(name)}" value="${escaped(value)}"/>`,
  );
  return response(
    `<Connect><Stream url="${escaped(stream)}">${named.join("")}</Stream></Connect>` +
      `<Redirect method="POST">${escaped(again)}</Redirect>`,
  );
}

export const HANG_UP = response("<Hangup/>");

function response(verbs: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${verbs}</Response>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
