/** The Worker: Hono's doors, and the Durable Object classes they lead to. */
import relayConfig from "../relay.config.ts";
import { createApp } from "./http/app.ts";

export { KeptSession } from "../durable-objects/kept-session.ts";
export { KeyLedger } from "../durable-objects/key-ledger.ts";
export { VoiceSession } from "../durable-objects/voice-session.ts";

export default createApp(relayConfig);
