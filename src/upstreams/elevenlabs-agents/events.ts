/** Messages of an agent that the adapter acts on; all others are for who shows or watches a conversation. */
export const HEARD = [
  "conversation_initiation_metadata",
  "ping",
  "vad_score",
  "audio",
  "agent_response",
  "agent_chat_response_part",
  // Of the agents API, but not of the client's types: the end of an answer, where the agent's `client_events` have it.
  "agent_response_complete",
  "user_transcript",
  "tentative_user_transcript",
  "interruption",
  "client_tool_call",
  "agent_tool_response",
  "error",
  "client_error",
] as const;

export type Heard = (typeof HEARD)[number];

export function heardOf(type: string | null): Heard | null {
  return HEARD.find((one) => one === type) ?? null;
}
