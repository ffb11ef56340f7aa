/** A provider in a process of its own, so that it can be killed. Its parent says which calls to expect. */
import type { VoiceScript } from "./voice.ts";
import { ProviderServer } from "./provider.ts";

const [who, port] = process.argv.slice(2).map(Number);
const provider = await new ProviderServer(who, port).listen();
process.on("message", ({ name, script }: { name: string; script: VoiceScript }) => {
  provider.expect(name, script);
  process.send?.("expected");
});
process.on("disconnect", () => process.exit());
process.send?.(provider.port);
