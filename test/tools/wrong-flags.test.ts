/** Flags that would do nothing, and what is found out only at the end: said before anything is done. */
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { run } from "./command.ts";

const HELLO = "test/fixtures/hello.wav";

describe("npm run talk", () => {
  it.concurrent.for([
    [["--keys", "12#"], "--keys needs --phone"],
    [["--interrupt", "300"], "--interrupt needs --phone"],
    [["--number", "+15550123"], "--number needs --phone"],
    [["--phone", "--model", "echo"], "--model"],
    [["--phone", "--turns", "2"], "--turns"],
    [["--phone", "--tools"], "--tools"],
    [["--phone", "--json-audio"], "--json-audio"],
  ] as const)("[I70] refuses %j: it would do nothing", async ([flags, named], { expect }) => {
    const done = await run("tools/talk.ts", [HELLO, "--url", "ws://127.0.0.1:9", ...flags]);
    expect([done.code, done.stdout]).toEqual([2, ""]);
    expect(done.stderr).toContain(named);
  });

  it.concurrent("[I71] finds out before the call whether it can write what was heard", async ({ expect }) => {
    const out = join(tmpdir(), "no-such-folder", "reply.wav");
    for (const phone of [[], ["--phone"]]) {
      const done = await run("tools/talk.ts", [HELLO, "--url", "ws://127.0.0.1:9", "--out", out, ...phone]);
      expect([done.code, done.stdout]).toEqual([2, ""]);
      expect(done.stderr).toContain(`--out ${out}`);
    }
  });

  it("[I72] says of a server that speaks no duplex.v1 what helps", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => false });
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const done = await run("tools/talk.ts", [HELLO, "--url", `ws://127.0.0.1:${port}/v1/realtime`]);
      expect(done.code).toBe(1);
      expect(done.stderr).toContain("does not speak duplex.v1");
      expect(done.stderr).toContain("--json-audio");
    } finally {
      server.close();
    }
  });
});

describe("npm run keys", () => {
  it.concurrent.for([
    [["limit", "acme", "--operator", "--per-minute", "5"], "--operator is of add"],
    [["limit", "acme", "--replace", "--per-minute", "5"], "--replace is of add"],
    [["revoke", "acme", "--operator"], "--operator is of add"],
    [["revoke", "acme", "--concurrent", "5"], "--concurrent is of add and limit"],
    [["list", "--per-minute", "5"], "--per-minute is of add and limit"],
  ] as const)("[I73] refuses %j: nothing of it would happen", async ([argv, named], { expect }) => {
    const done = await run("tools/keys.ts", [...argv, "--local"]);
    expect([done.code, done.stdout]).toEqual([2, ""]);
    expect(done.stderr).toContain(named);
  });
});
