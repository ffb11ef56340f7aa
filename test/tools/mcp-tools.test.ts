/** `npm run mcp-tools`: what an MCP server offers, as a route has it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { run } from "./command.ts";

const COMMAND = "tools/mcp-tools.ts";

test("[X309] the command prints tools that the configuration takes, and fails where there is no server", async () => {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { id, method } = JSON.parse(body) as { readonly id?: number; readonly method: string };
      const $schema = "https://json-schema.org/draft/2020-12/schema";
      const tool = {
        name: "get.order",
        description: "Says where it is.",
        inputSchema: { $schema, type: "object" },
      };
      const result = method === "tools/list" ? { tools: [tool] } : {};
      response.writeHead(id === undefined ? 202 : 200, { "Content-Type": "application/json" });
      response.end(id === undefined ? "" : JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const { code, stdout } = await run(COMMAND, [url]);
  server.close();
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    [
      {
        name: "get_order",
        description: "Says where it is.",
        parameters: { type: "object" },
        mcp: { url, tool: "get.order" },
      },
    ],
  ]);
  expect((await run(COMMAND, [url])).code).toBe(1);
  expect((await run(COMMAND, ["nowhere"])).code).toBe(2);
});
