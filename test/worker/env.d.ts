import type { RelayEnv } from "../../durable-objects/env.ts";
import type * as worker from "../../src/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Readonly<RelayEnv> {
      readonly DEMO_URL: string;
    }
    interface GlobalProps {
      mainModule: typeof worker;
      durableNamespaces: "VoiceSession";
    }
  }
}
