/** What the calls in which something fails have in common. */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { ResumingClient, Resumption } from "./client.ts";
import type { Listener, Told } from "./listener.ts";
import { sleep } from "./speaker.ts";

const LIMIT_MS = 15_000;
/** Between dials that fail: the SDK's first pause. */
const AGAIN_MS = 100;

/**
 * @param relayAsks in mid-answer the relay has to ask for what is left, which it may where answers are its own to ask
 * for: then it decides on turns, at a threshold that noise does not reach, and the client's commits end them.
 */
export function sessionOf(name: string, relayAsks: boolean, tools: readonly JsonObject[] = []): JsonObject {
  const detection = {
    type: "server_vad",
    threshold: 1,
    create_response: true,
    interrupt_response: false,
    prefix_padding_ms: 0,
  };
  const input = { turn_detection: relayAsks ? detection : null };
  return { type: "realtime", instructions: name, audio: { input }, ...(tools.length > 0 && { tools }) };
}

/** The first thing of this status that the client was told of the upstream since `from`. */
export async function toldSince(
  client: ResumingClient,
  listener: Listener,
  status: string,
  from: number,
): Promise<Told> {
  const find = (): Told | undefined =>
    listener.upstream.find((told) => told.status === status && told.at >= from);
  await within(client, () => find() !== undefined, `the upstream to be ${status}`);
  const told = find();
  if (told === undefined) throw new Error(`the upstream was never ${status}`);
  return told;
}

/** @throws when it takes 15 s, or the connection ends. */
export async function within(client: ResumingClient, enough: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  await client.until(() => enough() || performance.now() > limit, what);
  if (!enough()) throw new Error(`${what} took more than ${LIMIT_MS} ms`);
}

/** Resumes, as soon as anybody answers. @throws the last failure, after 15 s. */
export async function comeBack(
  client: ResumingClient,
): Promise<{ resumption: Resumption; attempts: number }> {
  const limit = performance.now() + LIMIT_MS;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return { resumption: await client.resume(), attempts };
    } catch (error) {
      if (performance.now() > limit) throw error;
      await sleep(AGAIN_MS);
    }
  }
}
