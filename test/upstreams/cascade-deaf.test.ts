/** A cascade whose transcriber keeps its socket and hears nothing any more. */
import { expect, it } from "vitest";

import { waited } from "./cascade/scripted-stages.ts";
import { Led, TRANSCRIBED } from "./cascade/led.ts";

it("[U403] a transcriber that tells nothing of three turns in a row, four seconds in all, is given up", () => {
  const turns = (ms: number) => {
    const call = new Led(TRANSCRIBED);
    for (const name of ["one", "two", "three"]) {
      call.say(ms);
      call.send({ type: "commit", itemId: name });
      if (name === "three") call.moved();
      call.hear([waited("words")]);
    }
    return call;
  };
  const deaf = turns(1500);
  expect(deaf.of("error")).toMatchObject([{ fatal: true, error: { code: "upstream_timeout" } }]);
  // Whoever comes next is told the last of them by its sound.
  expect(deaf.of("input.transcript.completed").map(({ itemId }) => itemId)).toEqual(["one", "two"]);
  expect(turns(1000).of("error")).toEqual([]);
  const hears = new Led(TRANSCRIBED);
  for (const name of ["one", "two", "three", "four"]) {
    hears.say(1500);
    hears.send({ type: "commit", itemId: name });
    if (name === "two") hears.hear([hears.stages.update("Hm")]);
    hears.hear([waited("words")]);
  }
  expect(hears.of("error")).toEqual([]);
});
