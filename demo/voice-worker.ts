/** Worker thread of `voice.ts`: synthesis takes tens of milliseconds and must not hold up a stream. */
import { parentPort } from "node:worker_threads";
import { synthesise, type FliteVoice } from "./flite.ts";
import { resample } from "./resample.ts";

export interface SayRequest {
  readonly id: number;
  readonly text: string;
  readonly voice: FliteVoice;
  readonly stretch: number;
  readonly rateHz: number;
}

export type SayReply =
  | { readonly id: number; readonly samples: Int16Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string };

parentPort?.on("message", (request: SayRequest) => {
  const reply = say(request);
  parentPort?.postMessage(reply, "samples" in reply ? [reply.samples.buffer] : []);
});

function say(request: SayRequest): SayReply {
  try {
    const speech = synthesise(request.text, request.voice, request.stretch);
    const samples = resample(speech.samples, speech.rateHz, request.rateHz);
    return { id: request.id, samples: new Int16Array(samples) };
  } catch (error) {
    return { id: request.id, error: error instanceof Error ? error.message : "synthesis failed" };
  }
}
