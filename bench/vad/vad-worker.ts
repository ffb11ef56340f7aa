/** Runs the detector inside workerd for the benchmark: `/detect` hears the body, `/idle` only reads it. */
import { loadKernels } from "../../durable-objects/kernels.ts";
import { createDetector } from "../../src/audio/vad/index.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const pcm = new Int16Array(await request.arrayBuffer());
    if (!request.url.endsWith("/detect")) return new Response("0");
    const { detector } = createDetector(loadKernels(), "auto");
    let hops = 0;
    let sum = 0;
    for (let at = 0; at < pcm.length; at += 320) {
      detector.push(pcm.subarray(at, at + 320), (probability) => {
        hops++;
        sum += probability;
      });
    }
    return new Response(`${hops} ${sum}`);
  },
};
