/**
 * permessage-deflate at workerd itself, with the flags of wrangler.toml. (What `npm start` and the tests put in front of it,
 * wrangler's proxy and Miniflare's entry, are Workers with flags of their own, and negotiate it.)
 */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { unstable_readConfig } from "wrangler";
import { PROJECT } from "./command.ts";

const config = unstable_readConfig({ config: `${PROJECT}wrangler.toml` }, { hideWarnings: true });
const SCRIPT = `
export default {
  fetch() {
    const [theirs, ours] = Object.values(new WebSocketPair());
    ours.accept();
    return new Response(null, { status: 101, webSocket: theirs });
  },
};`;

let running: Miniflare | null = null;
afterEach(() => running?.dispose());

/** The extensions of a connection that offers compression to a Worker with these flags. */
async function negotiated(compatibilityFlags: readonly string[]): Promise<string> {
  running = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      modules: true,
      script: SCRIPT,
      compatibilityDate: config.compatibility_date ?? "",
      compatibilityFlags: [...compatibilityFlags],
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    }),
  );
  const url = await running.unsafeGetDirectURL();
  const socket = new WebSocket(String(url).replace(/^http/, "ws"), { perMessageDeflate: true });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const { extensions } = socket;
  socket.terminate();
  return extensions;
}

test("[E47] is not negotiated: what a client may send is counted as it comes", async () => {
  expect(await negotiated(config.compatibility_flags)).toBe("");
});

test("[E47] would be without the flag", async () => {
  expect(await negotiated([])).toContain("permessage-deflate");
});
