/** Dials what the routes dial, as far as its secrets are here, and says how the handshake went. Nothing is asked for. */
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import { initialConfig } from "../../src/protocol/session-config.ts";
import { PlanError } from "../../src/config/plan-error.ts";
import { resolvePlan } from "../../src/config/resolve.ts";
import type { RelayConfig } from "../../src/config/define.ts";
import { named } from "../../src/upstreams/dial-request.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { Upstream, UpstreamConfig, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { line, type Line, type Verdict } from "./line.ts";

const DIAL_MS = 10_000;
/** With the handshake of its socket. */
const READY_MS = DIAL_MS + 10_000;
const SELF_SIGNED = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_/;

type Told = readonly [verdict: Verdict, says: string, todo?: string];

/** What an upstream is told of a session that nobody has configured. */
const PLAIN: UpstreamConfig = {
  kind: "conversation",
  instructions: "",
  modality: "audio",
  tools: [],
  toolChoice: "auto",
  maxOutputTokens: "inf",
  voice: null,
  speed: initialConfig("realtime").audio.output.speed,
  transcription: null,
  turnDetection: null,
  extra: {},
};

export async function dialLines(
  config: RelayConfig,
  bindings: Readonly<Record<string, unknown>>,
  readyMs = READY_MS,
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (const name of Object.keys(config.routes)) {
    const targets = targetsOf(config, name, bindings);
    if (typeof targets === "string") lines.push(line("dial", name, "unknown", targets));
    else {
      for (const [label, options] of targets) {
        const [verdict, says, todo] = await dial(options, config.codecs, readyMs);
        lines.push(line("dial", label, verdict, says, todo ?? null));
      }
    }
  }
  return lines;
}

function targetsOf(
  config: RelayConfig,
  name: string,
  bindings: Readonly<Record<string, unknown>>,
): readonly (readonly [string, UpstreamOptions])[] | string {
  try {
    // Private addresses too: what is dialled from here is this machine's business.
    const plan = resolvePlan(config, name, { ...bindings, RELAY_DEV: "1" });
    const all = plan.transcriber ? [...plan.upstreams, plan.transcriber] : plan.upstreams;
    return all.flatMap((upstream) =>
      [upstream.options, ...(upstream.fallback ?? [])].map(
        (options, at) => [`${name} ${upstream.name}${at === 0 ? "" : ` fallback ${at}`}`, options] as const,
      ),
    );
  } catch (error) {
    if (error instanceof PlanError && error.code === "binding_missing")
      return `not dialled: ${error.message}`;
    throw error;
  }
}

async function dial(options: UpstreamOptions, codecs: RelayConfig["codecs"], readyMs: number): Promise<Told> {
  let upstream: Upstream;
  try {
    upstream = createUpstream(options, codecs);
  } catch (error) {
    return [
      "missing",
      error instanceof Error ? error.message : "wrong options",
      "mend it in relay.config.ts",
    ];
  }
  const { url, headers, protocols } = named(
    upstream.request(PLAIN.kind, PLAIN),
    () => `doctor_${randomUUID()}`,
  );
  if (url.startsWith("loop:")) return ["ok", "in process, nothing to dial"];
  const socket = new WebSocket(url.replace(/^http/, "ws"), [...protocols], {
    headers: { ...headers },
    followRedirects: false,
    handshakeTimeout: DIAL_MS,
  });
  const began = performance.now();
  try {
    return await handshake(socket, upstream, began, readyMs);
  } finally {
    socket.on("error", () => undefined);
    socket.terminate();
  }
}

function handshake(socket: WebSocket, upstream: Upstream, began: number, readyMs: number): Promise<Told> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(["warning", ...unready(upstream)]), readyMs);
    const told = (...what: Told): void => {
      clearTimeout(late);
      resolve(what);
    };
    socket.once("unexpected-response", (_, response) => told(...refusal(response.statusCode ?? 0)));
    socket.once("error", (error: Error & { code?: string }) => told(...failure(error)));
    socket.once("close", (code, reason) => {
      told(
        "missing",
        upstream.closed(code, reason.toString())?.message ?? `closed with ${code}`,
        "see the provider's account",
      );
    });
    socket.once("open", () => {
      for (const data of upstream.greet(PLAIN)) socket.send(data);
    });
    socket.on("message", (data: Buffer, binary: boolean) => {
      for (const event of upstream.decode(binary ? new Uint8Array(data) : data.toString())) {
        if (event.type === "ready") told("ok", `ready after ${Math.round(performance.now() - began)} ms`);
        else if (event.type === "reply") socket.send(event.data);
        else if (event.type === "error")
          told(event.fatal ? "missing" : "warning", `${event.error.code}: ${event.error.message}`);
      }
    });
  });
}

function unready({ admission }: Upstream): readonly [says: string, todo: string] {
  const todo = "look at settings.profile";
  if (admission === undefined) return ["connected, and not ready after 10 s", todo];
  return [`connected, and not let in after 10 s: ${admission.fault.message}`, "see who else talks to it"];
}

function refusal(status: number): Told {
  const todo =
    status === 401 || status === 403
      ? "the key is not good for this provider"
      : "see the provider's documentation";
  return ["missing", `the provider refuses with HTTP ${status}`, todo];
}

/** Only what kind of failure it was: a message may name an address from a secret. */
function failure({ code = "" }: { readonly code?: string }): Told {
  if (SELF_SIGNED.test(code)) {
    return [
      "missing",
      `its certificate is not trusted (${code})`,
      "a deployed Worker takes no self-signed certificate: give it a public one",
    ];
  }
  return [
    "missing",
    `cannot be reached${code === "" ? "" : ` (${code})`}`,
    "look at its address and at the network of this machine",
  ];
}
