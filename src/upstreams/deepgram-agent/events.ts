/** Messages of Deepgram's agent that the adapter acts on; all others confirm or measure what it does. */
export const HEARD = [
  "SettingsApplied",
  "ConversationText",
  "UserStartedSpeaking",
  "AgentAudioDone",
  "FunctionCallRequest",
  "FunctionCallCancelled",
  "InjectionRefused",
  "Error",
  "Warning",
] as const;

export type Heard = (typeof HEARD)[number];

export function heardOf(type: string | null): Heard | null {
  return HEARD.find((one) => one === type) ?? null;
}
