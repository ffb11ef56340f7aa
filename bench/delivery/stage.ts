/** The relay of the benchmark with its providers: a first choice that may fail, and others to turn to. */
import { fileURLToPath } from "node:url";
import { startRelay, type Relay } from "../../tools/relay/relay.ts";
import { CutLine } from "./line.ts";
import { ProviderChild } from "./provider-child.ts";
import { ProviderServer, realtimeUrl } from "./provider.ts";

/** Which provider an answer's watermark names. */
export const FIRST = 0;
export const SECOND = 1;
export const KILLED = 2;

/** To the far provider, in each direction: a round trip of 40 ms. */
const FAR_MS = 20;

/** The project's Worker, whose objects can be told to die, with the routes of the benchmark. */
export const SOURCE = {
  entry: fileURLToPath(new URL("relay-worker.ts", import.meta.url)),
  config: fileURLToPath(new URL("relay-config.ts", import.meta.url)),
};

export interface Stage {
  readonly relay: Relay;
  readonly first: ProviderServer;
  /** Between the relay and the first provider. */
  readonly firstLine: CutLine;
  readonly second: ProviderServer;
  /** A provider in a process of its own. */
  readonly killed: ProviderChild;
  close(): Promise<void>;
}

/** @param inspect let the inspector of workerd's V8 listen. */
export async function openStage(inspect = false): Promise<Stage> {
  const first = await new ProviderServer(FIRST).listen();
  const second = await new ProviderServer(SECOND).listen();
  const killed = await new ProviderChild(KILLED).start();
  const firstLine = await CutLine.open(first.port);
  const farLine = await CutLine.open(second.port, FAR_MS);
  const close = async (): Promise<void> => {
    await firstLine.close();
    await farLine.close();
    await killed.stop();
    await first.stop();
    await second.stop();
  };
  try {
    const relay = await startRelay({
      source: SOURCE,
      inspect,
      demoUrl: first.url,
      vars: {
        FIRST_URL: realtimeUrl(firstLine.port),
        KILLED_URL: killed.url,
        NEAR_URL: second.url,
        FAR_URL: realtimeUrl(farLine.port),
      },
    });
    return {
      relay,
      first,
      firstLine,
      second,
      killed,
      close: async () => {
        await relay.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The session's object loses its memory and its sockets, as by a deploy or a crash. */
export async function abortObject({ worker }: Relay, sessionId: string): Promise<void> {
  const namespace = await worker.miniflare.getDurableObjectNamespace("VOICE_SESSION");
  const [unique = ""] = /[0-9a-f]{64}/.exec(sessionId) ?? [];
  const object = namespace.get(namespace.idFromString(unique)) as unknown as { die(): Promise<void> };
  // It dies before it can answer.
  await object.die().catch(() => {});
}
