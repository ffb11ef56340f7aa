/** The tools that a session's relay runs, from those of its route. */
import type { McpTool, ToolPlan, Webhook } from "../session/state/tool-plan.ts";
import type { RouteConfig } from "./define.ts";
import { BUDGET_MS, isToolHost, RETRIES, TIMEOUT_MS } from "./tools.ts";

type ToolConfig = NonNullable<RouteConfig["tools"]>[number];

/** How what is named is found. @throws PlanError when it is not there */
export interface FoundTool {
  url(url: WebhookConfig["url"]): string;
  secret(binding: string): string;
  /** @throws PlanError always. */
  refuse(what: string): never;
  readonly hosts: readonly string[];
  /** Also `http:`. */
  readonly development: boolean;
}

const NO_ARGUMENTS = { type: "object", properties: {} } as const;
const SECRET = /^whsec_([A-Za-z\d+/]+={0,2})$/;
const [LEAST_SECRET, MOST_SECRET] = [24, 64];

type WebhookConfig = NonNullable<ToolConfig["webhook"]>;

export function resolveTool(tool: ToolConfig, found: FoundTool): ToolPlan {
  const { name, description, parameters, confirmMs } = tool;
  return {
    name,
    description,
    parameters: parameters ?? NO_ARGUMENTS,
    ...(tool.webhook && { webhook: webhookOf(tool.webhook, found) }),
    ...(tool.mcp && { mcp: mcpOf(name, tool.mcp, found) }),
    ...(confirmMs !== undefined && { confirmMs }),
  };
}

function webhookOf(webhook: WebhookConfig, found: FoundTool): Webhook {
  const { timeoutMs = TIMEOUT_MS, budgetMs = BUDGET_MS, retries = RETRIES } = webhook;
  const url = addressOf(webhook.url, found);
  const secret = found.secret(webhook.secret.env);
  if (!isSecret(secret))
    found.refuse(
      `needs 'whsec_' and base64 of ${LEAST_SECRET} to ${MOST_SECRET} bytes in the binding ${webhook.secret.env}`,
    );
  return { url, secret, timeoutMs, budgetMs, retries };
}

function mcpOf(
  name: string,
  { url, tool = name, authorization, timeoutMs = BUDGET_MS }: NonNullable<ToolConfig["mcp"]>,
  found: FoundTool,
): McpTool {
  const right = authorization && `${authorization.prefix ?? ""}${found.secret(authorization.env)}`;
  return {
    url: addressOf(url, found),
    tool,
    ...(right !== undefined && { authorization: right }),
    timeoutMs,
  };
}

function addressOf(given: WebhookConfig["url"], found: FoundTool): string {
  const url = found.url(given);
  if (!URL.canParse(url)) found.refuse("has no address");
  const { protocol, username, password } = new URL(url);
  if (protocol !== "https:" && !(found.development && protocol === "http:"))
    found.refuse("is not posted by https:");
  if (username + password !== "") found.refuse("has a user or a password in its address");
  if (!isToolHost(found.hosts, url)) found.refuse("is posted to a host that is not in 'toolHosts'");
  return url;
}

function isSecret(text: string): boolean {
  const [, base64] = SECRET.exec(text) ?? [];
  if (base64 === undefined) return false;
  try {
    const { byteLength } = Uint8Array.fromBase64(base64);
    return byteLength >= LEAST_SECRET && byteLength <= MOST_SECRET;
  } catch {
    return false;
  }
}
