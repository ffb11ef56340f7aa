/** What is said in the scenarios. Commas are where a hesitant speaker halts. */
import type { Speaker } from "./sounds.ts";

/** Eight people. The agent is a ninth (scripted-voice.ts). */
export const SPEAKERS: readonly Speaker[] = [
  { voice: "rms", pitch: 1, stretch: 1 },
  { voice: "awb", pitch: 1, stretch: 1 },
  { voice: "kal16", pitch: 1, stretch: 1 },
  { voice: "slt", pitch: 1.12, stretch: 1 },
  { voice: "rms", pitch: 1.1, stretch: 0.95 },
  { voice: "awb", pitch: 0.92, stretch: 1.05 },
  { voice: "kal16", pitch: 1.12, stretch: 1 },
  { voice: "slt", pitch: 0.9, stretch: 1 },
];

export const QUESTIONS = [
  "What time do you open today?",
  "Can you tell me about the harbour?",
  "How long does the delivery take?",
  "Where do I find the ticket office?",
  "Who brings the fish to the market?",
  "Tell me something about the town.",
  "What happens here on a Sunday?",
  "How do I get to the old mill?",
] as const;

/** Turns without a comma: nobody hesitates in them. */
export const FLUENT = [
  "I would like to change my booking to Thursday.",
  "The parcel never arrived at my new address.",
  "Please send the invoice to the office in Leeds.",
  "My number is four five one two nine.",
  "Could you repeat the last part more slowly?",
  "There are three of us and a small dog.",
  "I think we met at the station last week.",
  "Is breakfast included in the price?",
  "We need two rooms with a view of the sea.",
  "That sounds good to me.",
  "Yes please.",
  "No thank you that was all.",
] as const;

export const HALTING = [
  "I would like to book, a table for four, on Friday evening.",
  "My name is Robert, and the number is, four five one two nine.",
  "Could you tell me, whether the early train, stops at the harbour?",
  "I bought a lamp, last week, and the switch does not work.",
  "We wanted to ask, if the dog, may come along.",
  "The address is, twelve Mill Lane, on the second floor.",
  "I was thinking, maybe, we could move it to Thursday.",
  "It is about the invoice, the one from March, that I paid twice.",
] as const;

/** Two words to a long sentence: 0.8 to 3 s. */
export const INTERRUPTIONS = [
  "No wait stop please.",
  "Hold on a second.",
  "Sorry, that is not what I asked.",
  "Can I ask you something else?",
  "Stop, I have heard this already.",
  "Excuse me, when does the ticket office open?",
  "Actually I wanted to know about the bus to the old mill.",
  "That is all very nice, but I only need the telephone number.",
] as const;

/** The first is hummed, not spoken: flite would spell it. */
export const BACKCHANNELS = ["mhm", "yes", "right", "okay", "uh huh", "yeah", "I see", "sure"] as const;

/** Said in the room, to somebody else. */
export const ELSEWHERE = [
  "They said on the news that the bridge will be closed until Monday morning.",
  "Have you seen my keys? I am sure I left them on the kitchen table.",
  "The children are at school until three and then they go swimming.",
  "Put the kettle on and I will bring the cake from next door.",
] as const;
