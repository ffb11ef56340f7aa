/** The relay's doors, as a client outside sees them. */
import { env, exports } from "cloudflare:workers";
import type { RelayEnv } from "../../durable-objects/env.ts";
import { defineRelay, type RelayConfigInput } from "../../src/config/define.ts";
import { createApp } from "../../src/http/app.ts";

export const HOST = "https://relay.example";
export const LOOPBACK = "http://127.0.0.1:8787";
/** Keys of vitest.config.ts. */
const KEY = "key-one";
export const OTHER_KEY = "key-two";

export function bearer(key: string = KEY): Record<string, string> {
  return { Authorization: `Bearer ${key}` };
}

export function call(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(new Request(new URL(path, HOST), init));
}

export function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = bearer(),
): Promise<Response> {
  return call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** A Worker of its own configuration and bindings, without sockets. */
export async function callWith(
  config: RelayConfigInput | null,
  bindings: { readonly [name in keyof RelayEnv]?: RelayEnv[name] | undefined },
  request: Request,
): Promise<Response> {
  const app = createApp(
    defineRelay(
      config ?? {
        routes: { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } },
        defaultRoute: "echo",
      },
    ),
  );
  return app.fetch(request, { ...env, ...bindings });
}

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly error: {
    readonly type: string;
    readonly code: string;
    readonly message: string;
    readonly param: string | null;
  };
}

/** `[status, error.code, error.param]` of a problem, after its shape was checked. */
export async function problemOf(response: Response): Promise<readonly [number, string, string | null]> {
  const body = await response.json<ProblemBody>();
  const type = response.headers.get("Content-Type");
  if (type !== "application/problem+json") throw new Error(`Content-Type is ${type}`);
  if (body.status !== response.status || body.type !== `urn:relay:problem:${body.error.code}`) {
    throw new Error(`a problem that contradicts itself: ${JSON.stringify(body)}`);
  }
  if (body.title === "" || body.detail === "" || body.error.message !== body.detail) {
    throw new Error(`a problem without words: ${JSON.stringify(body)}`);
  }
  return [response.status, body.error.code, body.error.param];
}

export interface CreatedSession {
  readonly id: string;
  readonly object: string;
  readonly url: string;
  readonly token: string;
  readonly expires_at: number;
}

export async function createSession(body: unknown = { model: "echo" }): Promise<CreatedSession> {
  const response = await post("/v1/sessions", { token_in_url: true, ...(body as object) });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return response.json<CreatedSession>();
}
