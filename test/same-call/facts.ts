/** What of a provider no code says: by what it is paid, what is known of it and from where. By the name of its row. */

export interface Fact {
  /** By what its bill is made. */
  readonly paid: string;
  /** Of the wire: how sure, and from where. */
  readonly certainty: "sure" | "likely" | "unsure";
  readonly source: string;
  /** How a connection that breaks off is gone on with by the provider's own memory; null: it has none that is used. */
  readonly memory: string | null;
  /** Others that are the same in all of this. */
  readonly alike?: string;
}

const OWN = "nothing but the machine";
const TOLD = null;

export const FACTS: Readonly<Record<string, Fact>> = {
  "openai-compatible (openai)": {
    paid: "tokens of text and audio",
    certainty: "sure",
    source: "types of `openai` 7.57, seven recorded sockets, OpenAI's pages",
    memory: TOLD,
    alike: "`azure` (seven recorded sockets)",
  },
  "openai-compatible (openai-beta)": {
    paid: "tokens of text and audio",
    certainty: "likely",
    source: "types of 2024; OpenAI's forum for the cap",
    memory: TOLD,
  },
  "openai-compatible (azure-voice-live)": {
    paid: "tokens of text and audio",
    certainty: "sure",
    source: "five recorded sockets, types of `@azure/ai-voicelive` 1.1; ids and cap unsure",
    memory: TOLD,
  },
  "openai-compatible (xai)": {
    paid: "seconds of audio (`billable_audio_seconds`)",
    certainty: "likely",
    source: "twelve recorded sockets, pydantic-ai's code for them, docs.x.ai, LiveKit's plugin",
    memory: TOLD,
  },
  "openai-compatible (elevenlabs)": {
    paid: "unsure",
    certainty: "likely",
    source: "ElevenLabs' `skills` (realtime)",
    memory: TOLD,
  },
  "openai-compatible (localai)": {
    paid: OWN,
    certainty: "likely",
    source: "LocalAI's documentation",
    memory: TOLD,
    alike: "`hf` (repository of Hugging Face's speech-to-speech)",
  },
  "openai-compatible (vllm-omni)": {
    paid: OWN,
    certainty: "likely",
    source: "vLLM-Omni's documentation",
    memory: TOLD,
  },
  "openai-compatible (speaches)": {
    paid: OWN,
    certainty: "likely",
    source: "speaches' documentation",
    memory: TOLD,
  },
  "gemini-live (gemini-2.5-flash, turns: client)": {
    paid: "tokens of text and audio",
    certainty: "sure",
    source: "types of `@google/genai` 3.3, five recorded sockets",
    memory: "by the name of its state, where nothing was said since on either side",
  },
  "gemini-live (gemini-3.1-flash, turns: client)": {
    paid: "tokens of text and audio",
    certainty: "likely",
    source: "the same types; that contents come first only is what users of other clients report",
    memory: "the same",
  },
  "gemini-live (gemini-2.5-flash, turns: server)": {
    paid: "tokens of text and audio",
    certainty: "sure",
    source: "the same types and sockets",
    memory: "the same",
  },
  "elevenlabs-agents": {
    paid: "minutes of the conversation",
    certainty: "sure",
    source: "types of `@elevenlabs/types` 0.23, ElevenLabs' pages on events",
    memory: TOLD,
  },
  "deepgram-agent (turns: client)": {
    paid: "minutes of the connection",
    certainty: "sure",
    source: "types of `@deepgram/sdk` 5.13, Deepgram's pages; turns that are ended from outside: likely",
    memory: TOLD,
  },
  "deepgram-agent (turns: server)": {
    paid: "minutes of the connection",
    certainty: "sure",
    source: "the same",
    memory: TOLD,
  },
  "openai-live": {
    paid: "seconds of the session, silence included",
    certainty: "sure",
    source:
      "types of `openai` 7.59; the order of a call from sockets that others recorded: likely; a fork at once: unsure",
    memory: "by a fork, with `session: { store: true }`",
  },
  "vllm-omni-duplex": {
    paid: OWN,
    certainty: "likely",
    source: "vLLM-Omni's serving document and source",
    memory: "by its token, within half a minute: answers go on under their names",
  },
  cascade: {
    paid: "the transcriber's minutes, the text model's tokens, the synthesiser's characters",
    certainty: "sure",
    source: "the dialect of chat completions; types of each stage's package",
    memory: "the conversation is the relay's",
  },
  "cascade (Workers AI)": {
    paid: "as Workers AI is, with the Worker",
    certainty: "sure",
    source: "`@cloudflare/workers-types` 5, Cloudflare's schemas",
    memory: "the conversation is the relay's",
  },
};
