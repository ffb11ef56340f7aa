/** PersonaPlex: a voice and a part, which are told it with its address. */
import { describe, expect, test } from "vitest";

import { moshi, moshiUpstream, SPOKEN } from "./moshi-connection.ts";

describe("PersonaPlex", () => {
  const query = (config: object, more: object = {}) => {
    const upstream = moshiUpstream({ settings: { server: "personaplex" }, more });
    const { url } = upstream.request("conversation", { ...SPOKEN, ...config });
    return Object.fromEntries(new URL(url).searchParams);
  };

  test("[U285] is told its voice and its part with its address, and always asked with both", () => {
    expect(query({})).toEqual({ voice_prompt: "NATF2.pt", text_prompt: "" });
    expect(query({ instructions: "You are Ann & brief.", voice: "VARM3" })).toEqual({
      voice_prompt: "VARM3.pt",
      text_prompt: "You are Ann & brief.",
    });
    expect(query({ voice: "cedar" })).toMatchObject({ voice_prompt: "NATF2.pt" });
    const own = { voice: "NATM1", instructions: "You are Bob." };
    expect(query({ instructions: "Be brief.", voice: "VARM3" }, own)).toEqual({
      voice_prompt: "NATM1.pt",
      text_prompt: "You are Bob.\n\nBe brief.",
    });
    const told = moshi({
      settings: { server: "personaplex" },
      config: { instructions: "Be brief.", voice: "VARM3" },
    });
    expect(told.connection.of("unconfigured")).toEqual([]);
  });

  test("[U285] is asked for no voice that is a path, and for no part that its server would not read: they are named", () => {
    for (const voice of ["../../etc/passwd", "/etc/passwd", "a/b.pt", ".hidden", "x".repeat(99), "a b"]) {
      expect(query({ voice })).toMatchObject({ voice_prompt: "NATF2.pt" });
      const { connection } = moshi({ settings: { server: "personaplex" }, config: { voice } });
      expect(connection.of("unconfigured")).toMatchObject([{ fields: ["voice"] }]);
    }
    const instructions = "é".repeat(1001);
    expect(query({ instructions })).toMatchObject({ text_prompt: "" });
    expect(query({ instructions: "é".repeat(1000) }).text_prompt).toHaveLength(1000);
    const { connection } = moshi({ settings: { server: "personaplex" }, config: { instructions } });
    expect(connection.of("unconfigured")).toMatchObject([{ fields: ["instructions"] }]);
    expect(query({ instructions: "\ud800" })).toEqual({ voice_prompt: "NATF2.pt", text_prompt: "\ufffd" });
  });
});
