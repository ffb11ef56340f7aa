/** `npm run mcp-tools -- URL`: what an MCP server offers, as `tools` of a route in relay.config.ts. */
import { McpClient } from "../durable-objects/mcp.ts";
import { isJsonObject, type Json, type JsonObject } from "../src/protocol/json.ts";

const HELP = `npm run mcp-tools -- URL [--authorization VALUE]

Asks the MCP server at URL (streamable HTTP) for its tools and prints them as \`tools\` of a route: copy those that a model may
have, and look at their descriptions, which it will read. --authorization: what the header of that name says.
Code 0: printed. 1: the server cannot be asked. 2: wrong arguments.
`;
const WITHIN_MS = 20_000;
const NO_ARGUMENTS: JsonObject = { type: "object", properties: {} };

async function main(args: readonly string[]): Promise<number> {
  const [url = "", flag, authorization] = args;
  if (url === "--help" || url === "-h") {
    process.stdout.write(HELP);
    return 0;
  }
  const flagged = flag === undefined || (flag === "--authorization" && authorization !== undefined);
  if (!URL.canParse(url) || !flagged || args.length > 3) {
    process.stderr.write(HELP);
    return 2;
  }
  try {
    const server = { url, ...(authorization !== undefined && { authorization }) };
    const tools = await new McpClient(server).tools(WITHIN_MS);
    const told = tools.map((tool) => asTool(url, tool));
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${url}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function asTool(url: string, { name, description, inputSchema }: { readonly [member: string]: Json }) {
  const tool = typeof name === "string" ? name : "";
  const { $schema: _, ...schema } = isJsonObject(inputSchema) ? inputSchema : NO_ARGUMENTS;
  const own = tool.replaceAll(/[^\w-]/g, "_").slice(0, 64);
  return {
    name: own,
    description: description ?? "",
    parameters: schema,
    mcp: { url, ...(own !== tool && { tool }) },
  };
}

process.exitCode = await main(process.argv.slice(2));
