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

test("[U324] a picture takes the place of older pictures, and of nothing that was said", () => {
  const upload = new Upload(false);
  const picture = (at: number) => ({
    id: `item_${at}`,
    type: "message",
    role: "user",
    content: [
      {
        type: "input_image",
        image_url: `data:image/jpeg;base64,${String(at).padStart(4, "A").repeat(50_000)}`,
      },
    ],
  });
  upload.add(said("user", "I am Ann."));
  for (let at = 1; at <= 12; at += 1) expect(upload.add(picture(at))).toBe(true);
  const told = JSON.stringify(upload.take());
  expect(told).toContain("I am Ann.");
  expect(told).toContain("AA12AA12");
  expect(told).not.toContain("AAA1AAA1");
});
