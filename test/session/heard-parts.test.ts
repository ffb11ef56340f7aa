/** What is acknowledged of an item that is spoken in several parts. */
import { expect, test } from "vitest";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

test("[Y90] an acknowledgement is of the part that it names: there the answer is truncated", () => {
  const call = new Call({ dialect: "duplex.v1" });
  call.client({ type: "response.create" });
  call.beginAnswer();
  const audio = new Uint8Array(voice(1000).buffer).toBase64();
  call.upstream({ type: "audio", response: "r", item: "i", audio });
  call.upstream({ type: "audio", response: "r", item: "i", part: 1, audio });
  call.advance(100);
  const { item } = call.last("response.output_item.added") as unknown as { item: { id: string } };
  for (let ms = 100; ms <= 1600; ms += 100) {
    const [content_index, played_ms] = ms > 1000 ? [1, ms - 1000] : [0, ms];
    call.client({ type: "playback.ack", item_id: item.id, content_index, played_ms });
    call.advance(100);
  }
  call.client({ type: "output_audio_buffer.clear" });
  const truncated = call.last("conversation.item.truncated");
  expect(truncated).toMatchObject({ item_id: item.id, content_index: 1 });
  expect(truncated["audio_end_ms"]).toBeGreaterThanOrEqual(600);
  expect(truncated["audio_end_ms"]).toBeLessThanOrEqual(700);
});
