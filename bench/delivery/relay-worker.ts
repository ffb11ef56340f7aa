/** The project's own Worker, with one thing more: its objects can be told to die, as a crash would have them. */
import { VoiceSession as RelayedSession } from "../../durable-objects/voice-session.ts";

export { default } from "../../src/worker.ts";

export class VoiceSession extends RelayedSession {
  /** Everything in memory is gone, and every socket with it. */
  die(): void {
    this.ctx.abort("the benchmark wants it so");
  }
}
