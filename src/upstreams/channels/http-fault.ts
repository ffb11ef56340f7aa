/** What a response that is none means: by its status, and by what the provider says in it. */
import { parseJsonObject } from "../../protocol/json.ts";
import { indexAt, nameAt, objectAt, objectsAt, textAt } from "../json.ts";
import type { Redactor } from "../redact.ts";
import { FATAL_CODES, type JsonObject, type UpstreamFault } from "../upstream.ts";

/** `again`: another try may do better. */
export interface StageFault {
  readonly fault: UpstreamFault;
  readonly again: boolean;
}

const QUOTA = /quota|billing|credit|balance|funds/i;
/** Workers AI's own numbers of errors (its documentation), as far as a status does not say what they mean. */
const WORKERS_AI: Readonly<Record<string, string>> = {
  "3036": "insufficient_quota",
  "3040": "server_error",
  "3042": "model_not_found",
  "5007": "model_not_found",
};
const CONTENT = /content_(?:policy|filter)|moderation|safety|content_management/i;

/**
 * @param stage which part failed, in words (`The text model`)
 * @param body what it said, as far as it was kept
 */
export function statusFault(stage: string, status: number, body: string, redactor: Redactor): StageFault {
  const said = saidIn(body);
  const message = `${stage} answered with HTTP ${status}${said.message === "" ? "." : `: ${said.message}`}`;
  const words = `${said.code ?? ""} ${said.type ?? ""}`;
  const fault = redactor.fault(codeOf(status, said.code, words), message, "upstream_error");
  const clients = status === 400 || status === 413 || status === 422;
  return {
    fault: clients ? { ...fault, type: "invalid_request_error" } : fault,
    again: status >= 500 || status === 408 || fault.code === "server_error",
  };
}

function codeOf(status: number, code: string | null, words: string): string {
  if (code !== null && (FATAL_CODES.has(code) || code === "server_error")) return code;
  if (status === 401) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 403) return QUOTA.test(words) ? "insufficient_quota" : "permission_denied";
  if (status === 404) return "model_not_found";
  if (status === 429) return QUOTA.test(words) ? "insufficient_quota" : "rate_limit_exceeded";
  if (CONTENT.test(words)) return "content_filter";
  if (status >= 500 || status === 408) return "server_error";
  if (status >= 300 && status < 400) return "upstream_protocol_error";
  return code ?? (status >= 400 ? "invalid_request_error" : "upstream_protocol_error");
}

/** An error in the body of a response that claims to be none (`200` with JSON), or in an event of its stream. */
export function saidFault(stage: string, body: string, redactor: Redactor): StageFault {
  const said = saidIn(body);
  const words = `${said.code ?? ""} ${said.type ?? ""}`;
  const known = [said.code, said.type].find((word) => word !== null && FATAL_CODES.has(word)) ?? null;
  const code = known ?? (CONTENT.test(words) ? "content_filter" : said.code);
  const message = `${stage} failed: ${said.message === "" ? "it gave no reason." : said.message}`;
  const fault = redactor.fault(code, message, "upstream_error");
  return { fault, again: /server_error|overloaded|unavailable|internal|^5\d\d$/.test(words.trim()) };
}

/** It never answered, or its response broke off. `code` as of `Channels.closed`. */
export function lostFault(stage: string, code: number, reason: string, redactor: Redactor): StageFault {
  if (code === 1009) return { fault: protocolFault(stage, "sent more than any answer has"), again: false };
  const status = code === 0 ? /^HTTP ([1-5]\d\d)/.exec(reason)?.[1] : undefined;
  // A socket's handshake was refused.
  if (status !== undefined) return statusFault(stage, Number(status), "", redactor);
  const late = reason === "timed out";
  const how = late ? "did not answer in time" : code === 0 ? "could not be reached" : "broke off";
  const word = late ? "upstream_timeout" : code === 0 ? "upstream_unavailable" : "upstream_closed";
  return { fault: redactor.fault(word, `${stage} ${how}.`, word), again: true };
}

/** `how`: what it did, our own words. */
export function protocolFault(stage: string, how: string): UpstreamFault {
  return { code: "upstream_protocol_error", message: `${stage} ${how}.` };
}

interface Said {
  readonly code: string | null;
  readonly type: string | null;
  readonly message: string;
}

/**
 * `{ error: { code, type, message } }`, `{ error: "…" }`, `{ message }`, `{ detail }`, `{ errors: [{ code, message }] }`,
 * `{ internalCode, description }`; anything else says nothing.
 */
function saidIn(body: string): Said {
  const whole = parseJsonObject(body);
  const error = objectAt(whole, "error") ?? objectsAt(whole, "errors")[0] ?? whole;
  const code = nameAt(error, "code") ?? nameAt(error, "err_code") ?? workersAiCode(error);
  const words = ["message", "error", "detail", "err_msg", "description"].map((key) => textAt(error, key));
  return { code, type: nameAt(error, "type"), message: words.find((one) => one !== null) ?? "" };
}

/** What a number of Workers AI's means; another provider's numbers are its statuses. */
function workersAiCode(error: JsonObject | null): string | null {
  return WORKERS_AI[String(indexAt(error, "internalCode") ?? indexAt(error, "code"))] ?? null;
}
