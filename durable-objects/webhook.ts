/**
 * Posts the calls of a plan's tools. Each post is signed as standardwebhooks.com says: HMAC-SHA256 over the call's name, the
 * moment and the body, by the tool's secret. What may have been a passing fault is tried again, under the same name, within
 * the tool's budget; every call settles. Neither arguments nor results are logged.
 */
import type { McpTool, ToolPlan, ToolResult, Webhook } from "../src/session/state/tool-plan.ts";
import type { Services, ToolCall } from "./asked.ts";
import { McpClient } from "./mcp.ts";
import { shortText, TooLong } from "./short-json.ts";
import { within } from "./within.ts";

/** In whose session a tool is called. */
export interface Whose {
  readonly id: string;
  readonly keyId: string;
}

/** Characters of a result. */
const MOST_RESULT = 65_536;
/** What a tool says that says nothing. */
const NOTHING_SAID = "done";
const FIRST_WAIT_MS = 250;
/** An attempt that has less time is none. */
const LEAST_MS = 50;
/** Besides 5xx: worth another attempt. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const SECRET = "whsec_";

/** What an attempt came to, and whether another may come to something else. */
interface Attempt {
  readonly result: ToolResult;
  readonly passing: boolean;
}

export function createWebhooks(tools: readonly ToolPlan[], whose: Whose): Services["tool"] {
  /** By address and right: tools of one server share its session. */
  const servers = new Map<string, McpClient>();
  return async (call) => {
    const tool = tools.find(({ name }) => name === call.name);
    if (tool?.webhook) return deliver(tool.webhook, call.id, bodyOf(call, whose));
    return tool?.mcp ? ofServer(servers, tool.mcp, call) : { failure: "not_offered" };
  };
}

function ofServer(servers: Map<string, McpClient>, mcp: McpTool, call: ToolCall): Promise<ToolResult> {
  const key = `${mcp.url} ${mcp.authorization ?? ""}`;
  const server = servers.get(key) ?? new McpClient(mcp);
  servers.set(key, server);
  return server.call(mcp.tool, call.arguments, call.id, mcp.timeoutMs);
}

/** With the arguments as the model wrote them, which the core knows to be an object: read and written again a number may be another one. */
function bodyOf({ id, callId, name, arguments: given }: ToolCall, { id: session, keyId }: Whose): string {
  const call = JSON.stringify({ type: "tool.call", id, call_id: callId, name });
  const whose = JSON.stringify({ session_id: `sess_${session}`, key_id: keyId });
  return `${call.slice(0, -1)},"arguments":${given.trim()},${whose.slice(1)}`;
}

async function deliver(webhook: Webhook, id: string, body: string): Promise<ToolResult> {
  const until = Date.now() + webhook.budgetMs;
  for (let attempt = 0; ; attempt += 1) {
    const ms = Math.max(LEAST_MS, Math.min(webhook.timeoutMs, until - Date.now()));
    const { result, passing } = await post(webhook, id, body, ms);
    if (!passing || attempt >= webhook.retries) return result;
    // Many sessions that met the same fault do not come back to it at once.
    const waitMs = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random());
    if (Date.now() + waitMs + LEAST_MS > until) return result;
    await scheduler.wait(waitMs);
  }
}

async function post({ url, secret }: Webhook, id: string, body: string, ms: number): Promise<Attempt> {
  const headers = { "Content-Type": "application/json", ...(await signed(secret, id, body)) };
  let late = false;
  try {
    return await within(ms, async (signal) => {
      signal.addEventListener("abort", () => (late = true));
      // Not followed: another host would be told what this one was.
      const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
      return { result: await resultOf(response), passing: isPassing(response.status) };
    });
  } catch (error) {
    if (error instanceof TooLong) return { result: { failure: "too_large" }, passing: false };
    return { result: { failure: late ? "timeout" : "unreachable" }, passing: true };
  }
}

function isPassing(status: number): boolean {
  return status >= 500 || PASSING.has(status);
}

async function resultOf(response: Response): Promise<ToolResult> {
  if (response.ok) {
    const text = await shortText(response, MOST_RESULT);
    return { output: text.trim() === "" ? NOTHING_SAID : text };
  }
  await response.body?.cancel();
  return { failure: isPassing(response.status) ? "unreachable" : "refused" };
}

async function signed(secret: string, id: string, body: string): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const bytes = Uint8Array.fromBase64(secret.slice(SECRET.length));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const content = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, content)).toBase64();
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
