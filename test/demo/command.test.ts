import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { WebSocket } from "ws";

const SERVER = new URL("../../demo/server.ts", import.meta.url).pathname;

test.each(["SIGTERM", "SIGINT"] as const)(
  "[D36] prints the real port and ends cleanly on %s",
  async (signal) => {
    const child = spawn(process.execPath, [SERVER, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
    const [line]: string[] = await once(createInterface(child.stdout), "line");
    const url = /^demo voice on (ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime)$/.exec(line ?? "")?.[1];
    const socket = new WebSocket(`${url}?model=x`);
    await once(socket, "open");
    const closed = once(socket, "close");
    child.kill(signal);
    expect((await closed)[0]).toBe(1001);
    expect(await once(child, "exit")).toEqual([0, null]);
  },
);

test("[D36] --help says how to start it, a wrong port is refused", async () => {
  const helped = spawn(process.execPath, [SERVER, "--help"], { stdio: ["ignore", "pipe", "inherit"] });
  expect((await helped.stdout.toArray()).join("")).toContain("--port");
  const wrong = spawn(process.execPath, [SERVER, "--port", "x"], { stdio: ["ignore", "ignore", "pipe"] });
  const [said, [code]] = await Promise.all([wrong.stderr.toArray(), once(wrong, "exit")]);
  expect(said.join("")).toBe("--port must be a number from 0 to 65535\n");
  expect(code).toBe(1);
});
