/** The tools that a session's relay runs, from those of its route. */
import type { ToolPlan } from "../session/tools/plan.ts";
import type { RouteConfig } from "./define.ts";
import { BUDGET_MS, isToolHost, RETRIES, TIMEOUT_MS } from "./tools.ts";

type ToolConfig = NonNullable<RouteConfig["tools"]>[number];

/** How what is named is found. @throws PlanError when it is not there */
export interface FoundTool {
  url(url: ToolConfig["webhook"]["url"]): string;
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

export function resolveTool(
  { name, description, parameters, webhook, confirmMs }: ToolConfig,
  found: FoundTool,
): ToolPlan {
  const { timeoutMs = TIMEOUT_MS, budgetMs = BUDGET_MS, retries = RETRIES } = webhook;
  const url = found.url(webhook.url);
  if (!URL.canParse(url)) found.refuse("has no address");
  const { protocol, username, password } = new URL(url);
  if (protocol !== "https:" && !(found.development && protocol === "http:"))
    found.refuse("is not posted by https:");
  if (username + password !== "") found.refuse("has a user or a password in its address");
  if (!isToolHost(found.hosts, url)) found.refuse("is posted to a host that is not in 'toolHosts'");
  const secret = found.secret(webhook.secret.env);
  if (!isSecret(secret))
    found.refuse(
      `needs 'whsec_' and base64 of ${LEAST_SECRET} to ${MOST_SECRET} bytes in the binding ${webhook.secret.env}`,
    );
  return {
    name,
    description,
    parameters: parameters ?? NO_ARGUMENTS,
    webhook: { url, secret, timeoutMs, budgetMs, retries },
    ...(confirmMs !== undefined && { confirmMs }),
  };
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
