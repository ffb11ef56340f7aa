/**
 * `npm run keys`: the API keys in Workers KV (durable-objects/key-store.ts). A key is drawn here, shown once, and never
 * stored: only its SHA-256 is.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, runWrangler } from "./relay/wrangler.ts";

const HELP = `npm run keys -- add ID [options]      draws a key, stores its hash, and shows it once
npm run keys -- list                  ids and limits
npm run keys -- limit ID [options]    changes limits
npm run keys -- revoke ID             removes a key: what it signed and began ends within about a minute

  --per-minute N   sessions that it may start in a minute   (relay.config.ts; none: no limit; default: that again)
  --concurrent N   sessions that it may hold at once        (likewise, and so are all that follow)
  --answers-per-minute N          answers that all its sessions ask for
  --minutes-per-day N             minutes that they are connected to a provider, added up, in a day of UTC
  --session-answers-per-minute N  answers that one of them asks for
  --session-minutes N             how long one of them lasts
  --sessions-per-secret N         sessions that one client secret opens, in all
  --operator       of add: it sees metrics, and sees and ends the sessions of all keys
  --replace        of add: draws a new key for an id that is there; the former is worth nothing from then on
  --local          the keys of wrangler dev and npm start on this machine, not those of the deployed relay
  --persist-to DIR of --local: where those are            (.wrangler/state)
  --json           print one JSON value
  --help

Without --local wrangler asks Cloudflare, with your login or CLOUDFLARE_API_TOKEN; the first deploy makes the namespace.
Ends with code 1 when something failed or an id is not there (of add: is there), 2 on a wrong argument.
`;

const BINDING = "RELAY_KEYS";
const ID = /^[\w.-]{1,64}$/;
/** Ids of development's keys. */
const RESERVED = /^relay-dev/;

class UsageError extends Error {}

/** Name in the record → option, and as it is listed. */
const LIMITS = {
  sessions_per_minute: ["per-minute", "sessions per minute"],
  concurrent: ["concurrent", "at once"],
  answers_per_minute: ["answers-per-minute", "answers per minute"],
  minutes_per_day: ["minutes-per-day", "minutes per day"],
  session_answers_per_minute: ["session-answers-per-minute", "of a session: answers per minute"],
  session_minutes: ["session-minutes", "of a session: minutes"],
  sessions_per_secret: ["sessions-per-secret", "of a secret: sessions"],
} as const;
type LimitName = keyof typeof LIMITS;
const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

type Limits = { [name in LimitName]?: number | null };

/** As durable-objects/key-store.ts reads it; in KV's metadata too, so that a list needs no further question. */
interface Record {
  readonly sha256: string;
  readonly operator?: true;
  readonly limits?: Limits;
}

interface Settings {
  readonly command: string;
  readonly id: string | null;
  readonly limits: Limits;
  /** Limits that go back to those of relay.config.ts. */
  readonly defaults: readonly (keyof Limits)[];
  readonly operator: boolean;
  readonly replace: boolean;
  readonly json: boolean;
  /** Of wrangler. */
  readonly where: readonly string[];
}

async function main(argv: string[]): Promise<number> {
  const settings = readSettings(argv);
  if (settings === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const { command, id } = settings;
  if (command === "list") return show(settings, await list(settings, ""));
  if (id === null) throw new UsageError(`${command} needs an ID`);
  if (command === "add") return add(settings, id);
  const record = (await list(settings, id)).get(id);
  if (record === undefined) throw new Error(`there is no key '${id}'`);
  if (command === "revoke") {
    await bulk(settings, "delete", [`id:${id}`, `hash:${record.sha256}`], ["--force"]);
    say(
      settings,
      { id, revoked: true },
      `'${id}' is removed: what it signed and began ends within about a minute.`,
    );
    return 0;
  }
  const limits: Limits = { ...record.limits, ...settings.limits };
  for (const name of settings.defaults) delete limits[name];
  const changed = { ...record, limits };
  await put(settings, [entry(id, changed)]);
  return show(settings, new Map([[id, changed]]));
}

async function add(settings: Settings, id: string): Promise<number> {
  const former = (await list(settings, id)).get(id);
  if (former !== undefined && !settings.replace)
    throw new Error(`there is a key '${id}' already: --replace it?`);
  const key = `rk_${randomBytes(24).toString("hex")}`;
  const sha256 = createHash("sha256").update(key).digest("hex");
  const limits = { ...former?.limits, ...settings.limits };
  const record: Record = {
    sha256,
    ...((settings.operator || former?.operator === true) && { operator: true }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
  await put(settings, [{ key: `hash:${sha256}`, value: id }, entry(id, record)]);
  if (former !== undefined) await bulk(settings, "delete", [`hash:${former.sha256}`], ["--force"]);
  say(settings, { id, key }, `${key}\n\nThe key of '${id}'. It is shown this once; only its hash is stored.`);
  return 0;
}

/** Listed though a key has none of its own. */
const ALWAYS: ReadonlySet<LimitName> = new Set(["sessions_per_minute", "concurrent"]);

function show(settings: Settings, records: ReadonlyMap<string, Record>): number {
  const rows = Array.from(records, ([id, { operator = false, limits = {} }]) => ({ id, operator, limits }));
  const shown = (limit: number | null | undefined): string =>
    limit === undefined ? "default" : (limit?.toString() ?? "none");
  const lines = rows.map(({ id, operator, limits }) => {
    const own = LIMIT_NAMES.filter((name) => limits[name] !== undefined || ALWAYS.has(name));
    const told = own.map((name) => `${LIMITS[name][1]}: ${shown(limits[name])}`);
    return [id, ...told, ...(operator ? ["operator"] : [])].join("  ");
  });
  say(settings, rows, lines.length === 0 ? "There is no key." : lines.join("\n"));
  return 0;
}

function say({ json }: Settings, value: unknown, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
}

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly metadata?: Record;
}

function entry(id: string, record: Record): Entry {
  return { key: `id:${id}`, value: JSON.stringify(record), metadata: record };
}

async function list(settings: Settings, prefix: string): Promise<ReadonlyMap<string, Record>> {
  const out = await runWrangler(["kv", "key", "list", "--prefix", `id:${prefix}`, ...settings.where]);
  const entries = JSON.parse(out.slice(out.indexOf("["))) as { name: string; metadata?: Record }[];
  const known = entries.flatMap(({ name, metadata }) =>
    metadata === undefined ? [] : [[name.slice("id:".length), metadata] as const],
  );
  return new Map(known);
}

function put(settings: Settings, entries: readonly Entry[]): Promise<void> {
  return bulk(settings, "put", entries, []);
}

/** In one request: a key is there whole or not at all. */
async function bulk(
  settings: Settings,
  what: "put" | "delete",
  entries: readonly (Entry | string)[],
  more: readonly string[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "relay-keys-"));
  try {
    const file = join(folder, "entries.json");
    await writeFile(file, JSON.stringify(entries), { mode: 0o600 });
    await runWrangler(["kv", "bulk", what, file, ...more, ...settings.where]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Null: help is wanted. */
function readSettings(argv: string[]): Settings | null {
  const { values, positionals } = parse(argv);
  if (values.help === true || argv.length === 0) return null;
  const [command = "", id = null, ...more] = positionals;
  if (!["add", "list", "limit", "revoke"].includes(command))
    throw new UsageError(`no such command: '${command}'`);
  if (more.length > 0 || (command === "list" && id !== null)) throw new UsageError("too many arguments");
  if (id !== null && (!ID.test(id) || RESERVED.test(id))) {
    throw new UsageError(
      `'${id}': an id is 1 to 64 letters, digits or any of . _ -, and does not begin with relay-dev`,
    );
  }
  const given = (name: LimitName): string | undefined => values[LIMITS[name][0]];
  const names = LIMIT_NAMES.filter((name) => given(name) !== undefined);
  if (command === "limit" && names.length === 0) {
    const options = LIMIT_NAMES.map((name) => `--${LIMITS[name][0]}`);
    throw new UsageError(`limit needs one of ${options.join(", ")}`);
  }
  if (values["persist-to"] !== undefined && values.local !== true)
    throw new UsageError("--persist-to needs --local");
  const place = values.local === true ? ["--local"] : ["--remote"];
  return {
    command,
    id,
    limits: Object.fromEntries(
      names.filter((name) => given(name) !== "default").map((name) => [name, limitFrom(given(name) ?? "")]),
    ),
    defaults: names.filter((name) => given(name) === "default"),
    operator: values.operator === true,
    replace: values.replace === true,
    json: values.json === true,
    where: [
      "--binding",
      BINDING,
      ...place,
      ...(values["persist-to"] === undefined ? [] : ["--persist-to", values["persist-to"]]),
    ],
  };
}

function limitFrom(text: string): number | null {
  if (text === "none") return null;
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new UsageError(`'${text}': a limit is a whole number from 1`);
  return limit;
}

function parse(argv: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        "per-minute": text,
        concurrent: text,
        "answers-per-minute": text,
        "minutes-per-day": text,
        "session-answers-per-minute": text,
        "session-minutes": text,
        "sessions-per-secret": text,
        "persist-to": text,
        operator: flag,
        replace: flag,
        local: flag,
        json: flag,
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`npm run keys: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
