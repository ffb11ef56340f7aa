/**
 * A whole relay on loopback for tests and benchmarks: the project's own Worker source in workerd, with the settings
 * of wrangler.toml, in front of the demo voice, optionally with a TLS listener.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { drawDevKey } from "./dev-key.ts";
import { PROJECT, runWorker, type RunningWorker } from "./miniflare.ts";
import { createCertificate, startTlsFront, type Certificate, type TlsFront } from "./tls.ts";

export interface RelayOptions {
  /** Port of the relay; 0 (default): any free one. */
  readonly port?: number;
  /** Port of the demo voice; 0 (default): any free one. */
  readonly demoPort?: number;
  /** Where the routes with a demo voice dial, instead of a demo voice of our own. */
  readonly demoUrl?: string;
  /** True, or a port: also listen for https and wss. */
  readonly tls?: boolean | number;
  /** Further environment variables of the Worker. `RELAY_DEV` is "1" unless this says otherwise. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Another Worker around the project's own, and other routes than those of relay.config.ts. */
  readonly source?: { readonly entry: string; readonly config: string };
  /** Where the Worker's binding `AI` finds Workers AI, instead of at Cloudflare; without it there is no such binding. */
  readonly ai?: URL;
  /** V8's inspector listens: `worker.miniflare.getInspectorURL()`. */
  readonly inspect?: boolean;
  /** The Worker itself listens, as a deployed one does, and there is no page (`WorkerSettings`). */
  readonly direct?: boolean;
}

/** The demo voice as `demo/server.ts` starts it. */
export interface Demo {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface Relay {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** `ws://127.0.0.1:PORT`. */
  readonly wsUrl: string;
  readonly port: number;
  /** `https://127.0.0.1:PORT`, or null without `tls`. */
  readonly tlsUrl: string | null;
  /** `wss://127.0.0.1:PORT`, or null without `tls`. */
  readonly wssUrl: string | null;
  /** The certificate to trust, or null without `tls`. */
  readonly caPem: string | null;
  /** A key that opens every route. */
  readonly apiKey: string;
  /** Null when `demoUrl` was given. */
  readonly demo: Demo | null;
  /** What the Worker wrote to its console. */
  readonly logs: readonly string[];
  readonly worker: RunningWorker;
  close(): Promise<void>;
}

export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const demo = options.demoUrl === undefined ? await startDemoVoice(options.demoPort ?? 0) : null;
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0)) await closer();
  };
  if (demo !== null) closers.unshift(() => demo.close());
  const apiKey = drawDevKey();
  try {
    const worker = await startWorker(options, options.demoUrl ?? demoHttpUrl(demo), apiKey);
    closers.unshift(() => worker.close());
    const tls =
      options.tls === undefined || options.tls === false ? null : await startTls(options.tls, worker.port);
    if (tls !== null) closers.unshift(() => tls.front.close());
    return {
      url: worker.url,
      wsUrl: worker.url.replace(/^http/, "ws"),
      port: worker.port,
      tlsUrl: tls && `https://127.0.0.1:${tls.front.port}`,
      wssUrl: tls && `wss://127.0.0.1:${tls.front.port}`,
      caPem: tls && tls.certificate.certPem,
      apiKey,
      demo,
      logs: worker.logs,
      worker,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function startWorker(options: RelayOptions, demoUrl: string, apiKey: string): Promise<RunningWorker> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(PROJECT, "wrangler.toml"));
  // With assets a Worker of Miniflare's stands before the relay's.
  const { assets, ...pageless } = workerOptions;
  return runWorker({
    direct: options.direct,
    entry: options.source?.entry ?? join(PROJECT, "src/worker.ts"),
    config: options.source?.config,
    inspect: options.inspect,
    port: options.port ?? 0,
    options: {
      ...(options.direct === true || assets === undefined ? pageless : workerOptions),
      ...(options.ai !== undefined && { ai: aiAt(options.ai) }),
    },
    vars: {
      RELAY_DEV: "1",
      RELAY_DEV_KEY: apiKey,
      RELAY_SIGNING_KEY: randomBytes(32).toString("base64url"),
      DEMO_URL: demoUrl,
      DEMO_SPEECH_URL: new URL("/v1/audio/speech", demoUrl).href.replace(/^ws/, "http"),
      DEMO_TEXT_URL: new URL("/v1/chat/completions", demoUrl).href.replace(/^ws/, "http"),
      ...options.vars,
    },
  });
}

/** workerd's own binding, whose requests Miniflare hands on to this server. */
function aiAt(url: URL): NonNullable<V4WorkerOptions["ai"]> {
  const branded = { __brand: "RemoteProxyConnectionString" } as const;
  return { binding: "AI", remoteProxyConnectionString: Object.assign(new URL(url), branded) };
}

async function startDemoVoice(port: number): Promise<Demo> {
  const { startDemo } = await import("../../demo/server.ts");
  return startDemo({ port });
}

/** A Worker dials with `fetch`, which takes no `ws:` URL. */
function demoHttpUrl(demo: Demo | null): string {
  return demo === null ? "" : demo.url.replace(/^ws/, "http");
}

async function startTls(
  port: true | number,
  targetPort: number,
): Promise<{ front: TlsFront; certificate: Certificate }> {
  const certificate = await createCertificate();
  const front = await startTlsFront(port === true ? 0 : port, targetPort, certificate);
  return { front, certificate };
}
