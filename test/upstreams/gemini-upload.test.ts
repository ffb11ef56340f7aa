/** What waits to be told to Gemini Live. */
import { expect, test } from "vitest";
import { Upload } from "../../src/upstreams/gemini-live/upload.ts";

const said = (role: string, text: string) => ({
  id: `item_${text.slice(0, 5)}`,
  type: "message",
  role,
  content: [{ type: role === "user" ? "input_text" : "output_text", text }],
});

test("[U165] a text that is too long to be told takes the place of nothing that was said", () => {
  const upload = new Upload(false);
  expect(upload.add(said("user", "I am Ann."), true)).toBe(true);
  expect(upload.add(said("assistant", "Hello Ann."), true)).toBe(true);
  expect(upload.add(said("user", "x".repeat(1024 * 1024 + 1)), true)).toBe(false);
  expect(JSON.stringify(upload.take())).toContain("Hello Ann.");
});

test("[U165] one that fits takes the place of the oldest", () => {
  const upload = new Upload(false);
  for (const text of ["a", "b", "c"]) upload.add(said("user", text.repeat(400_000)), true);
  const told = JSON.stringify(upload.take());
  expect(told).not.toContain("aaa");
  expect(told).toContain("bbb");
  expect(told).toContain("ccc");
});
