/**
 * Cloudflare's API on loopback, as far as wrangler asks it to deploy a Worker and to read and write Workers KV: the
 * real wrangler talks to it. It keeps what it is given.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import type { AddressInfo } from "node:net";

const ACCOUNT = "0123456789abcdef0123456789abcdef";
const TOKEN = "a-token-of-the-tests";
const NO_SUCH_SERVICE = 10_090;
const NO_SUCH_SCRIPT = 10_007;
const NO_SUCH_TOKEN = 1000;

interface Binding {
  readonly name: string;
  readonly type: string;
  readonly text?: string;
  readonly namespace_id?: string;
}

interface KvEntry {
  readonly key: string;
  readonly value: string;
  readonly metadata?: unknown;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number) {
    super(`refused with code ${code}`);
    this.status = status;
    this.code = code;
  }
}

export class CloudflareApi {
  /** What each deploy said of itself, first to last. */
  readonly uploads: { readonly bindings: readonly Binding[]; readonly code_update_strategy?: unknown }[] = [];
  readonly secrets = new Map<string, string>();
  readonly kv = new Map<string, KvEntry>();
  /** Requests that it has no answer for: a wrangler that asks for more than this knows. */
  readonly unknown: string[] = [];
  #namespaces: { id: string; title: string }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      });
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Of a process that runs wrangler. */
  get env(): Readonly<Record<string, string>> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    };
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const body = await buffer(request);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://api.invalid");
    const what = `${request.method} ${pathname.replace("/client/v4", "").replace(`/accounts/${ACCOUNT}`, "")}`;
    try {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) throw new Refusal(401, NO_SUCH_TOKEN);
      const result = this.#result(what, body, searchParams);
      const count = Array.isArray(result) ? result.length : 0;
      const info = { page: 1, per_page: 100, count, total_count: count };
      return { status: 200, body: { success: true, errors: [], messages: [], result, result_info: info } };
    } catch (error) {
      const { status, code, message } = error instanceof Refusal ? error : new Refusal(500, 0);
      if (!(error instanceof Refusal)) this.unknown.push(what);
      return { status, body: { success: false, errors: [{ code, message }], messages: [], result: null } };
    }
  }

  #result(what: string, body: Buffer, query: URLSearchParams): unknown {
    const script = what.includes("/workers/scripts/") || what.includes("/workers/services/");
    const reading = what.startsWith("GET ");
    if (script && reading && this.uploads.length === 0) {
      throw new Refusal(404, what.includes("/services/") ? NO_SUCH_SERVICE : NO_SUCH_SCRIPT);
    }
    if (what === "GET /user/tokens/verify") return { id: "token", status: "active" };
    if (what === "GET /user") return { id: "user", email: "someone@example.com" };
    if (what === "GET /accounts") return [{ id: ACCOUNT, name: "Someone" }];
    if (what === "GET /memberships") return [];
    if (what === "GET /workers/subdomain") return { subdomain: "someone" };
    if (/^GET \/workers\/services\/[^/]+$/.test(what)) return service();
    if (/^GET \/workers\/workers\/[^/]+$/.test(what)) return { id: "worker", subdomain: { enabled: true } };
    if (/^GET .*\/secrets$/.test(what))
      return [...this.secrets.keys()].map((name) => ({ name, type: "secret_text" }));
    if (/^GET .*\/settings$/.test(what)) return { bindings: this.uploads.at(-1)?.bindings ?? [] };
    if (/^GET .*\/(deployments|versions)$/.test(what)) return { deployments: [], items: [] };
    if (/^(GET|POST) .*\/subdomain$/.test(what)) return { enabled: true, previews_enabled: true };
    if (/^POST .*\/assets-upload-session$/.test(what)) return { jwt: "assets", buckets: [] };
    if (/^PUT \/workers\/scripts\/[^/]+$/.test(what)) return this.#upload(body);
    if (/^GET .*\/domains.*$|^GET .*\/routes$/.test(what)) return [];
    if (what === "GET /storage/kv/namespaces") return this.#namespaces;
    if (what === "POST /storage/kv/namespaces") return this.#makeNamespace(body);
    return this.#keys(what, body, query);
  }

  #keys(what: string, body: Buffer, query: URLSearchParams): unknown {
    if (/^GET \/storage\/kv\/namespaces\/[^/]+\/keys$/.test(what)) {
      const entries = [...this.kv.values()].filter(({ key }) => key.startsWith(query.get("prefix") ?? ""));
      return entries.map(({ key, metadata }) => ({ name: key, metadata }));
    }
    if (/^PUT \/storage\/kv\/namespaces\/[^/]+\/bulk$/.test(what)) {
      const entries = JSON.parse(body.toString()) as KvEntry[];
      for (const entry of entries) this.kv.set(entry.key, entry);
      return { successful_key_count: entries.length, unsuccessful_keys: [] };
    }
    throw new Error(`unknown: ${what}`);
  }

  #makeNamespace(body: Buffer): unknown {
    const { title } = JSON.parse(body.toString()) as { title: string };
    const made = { id: "f".repeat(32), title };
    this.#namespaces = [...this.#namespaces, made];
    return made;
  }

  /** The part `metadata` of the form says all but the code. */
  #upload(body: Buffer): unknown {
    const text = body.toString("latin1");
    const metadata = /name="metadata"\r?\n\r?\n(.*?)\r?\n--/s.exec(text)?.[1] ?? "";
    const upload = JSON.parse(metadata) as CloudflareApi["uploads"][number];
    const former = new Map(this.uploads.at(-1)?.bindings.map((binding) => [binding.name, binding]));
    const bindings = upload.bindings.map((binding) =>
      binding.type === "inherit" ? (former.get(binding.name) ?? binding) : binding,
    );
    for (const { type, name, text: secret } of bindings) {
      if (type === "secret_text" && secret !== undefined) this.secrets.set(name, secret);
    }
    this.uploads.push({ ...upload, bindings });
    return {
      id: "edge-duplex-relay",
      etag: "etag",
      deployment_id: "deployment",
      startup_time_ms: 12,
      entry_point: "worker.js",
      available_on_subdomain: true,
    };
  }
}

function service(): object {
  const script = { last_deployed_from: "wrangler", tags: null };
  return { id: "edge-duplex-relay", default_environment: { environment: "production", script } };
}
