declare namespace Cloudflare {
  interface Env extends Readonly<import("../../durable-objects/env.ts").RelayEnv> {
    readonly DEMO_URL: string;
  }
  interface GlobalProps {
    mainModule: typeof import("../../src/worker.ts");
    durableNamespaces: "VoiceSession";
  }
}
