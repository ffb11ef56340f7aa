/** What a cascade's text model sees of what a client shows it. */
import { describe, expect, it } from "vitest";

import { entryOf, History } from "../../src/upstreams/cascade/history.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";

const KiB = 1024;

const words = (text: string): JsonObject => ({ type: "input_text", text });
const picture = (at: number, size = 100 * KiB): JsonObject => {
  return { type: "input_image", image_url: `data:image/jpeg;base64,${at}_${"A".repeat(size)}` };
};

function add(history: History, id: string, ...content: readonly JsonObject[]): void {
  const entry = entryOf({ id, type: "message", role: "user", content: [...content] });
  if (entry !== null) history.add(id, entry);
}

/** Of each message its words, and the numbers of its pictures. */
function told(history: History): readonly string[] {
  const shown = JSON.stringify(history.messages()).replaceAll(/A{9,}/g, "");
  return [...shown.matchAll(/"text":"(\w+)"|"content":"(\w+)"|base64,(\d+)_/g)].map(
    ([, part, text, number]) => part ?? text ?? `#${number ?? ""}`,
  );
}

describe("a cascade that is shown pictures", () => {
  it("[U323] tells the newest eight, and all that was said", () => {
    const history = new History();
    add(history, "said", words("Ada"));
    for (let at = 1; at <= 12; at += 1) add(history, `p${at}`, picture(at));
    expect(told(history)).toEqual(["Ada", "#5", "#6", "#7", "#8", "#9", "#10", "#11", "#12"]);
  });

  it("[U323] keeps the words beside a picture that is told no longer", () => {
    const history = new History();
    add(history, "asked", words("What"), picture(0));
    for (let at = 1; at <= 8; at += 1) add(history, `p${at}`, picture(at));
    expect(told(history).slice(0, 2)).toEqual(["What", "#1"]);
  });

  it("[U323] forgets nothing that was said for one that is large", () => {
    const history = new History();
    add(history, "said", words("Ada"));
    add(history, "p1", picture(1, 800 * KiB));
    add(history, "p2", picture(2, 1500 * KiB));
    add(history, "p3", picture(3, 5000 * KiB));
    expect(told(history)).toEqual(["Ada", "#3"]);
  });
});
