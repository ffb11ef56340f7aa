/** `npm run keys`: the API keys in Workers KV (tools/keys/store.ts). */
import { parseArgs } from "node:util";
import { KeyRecords, type KeyRecord, type LimitName, type Limits } from "./keys/store.ts";
import { messageOf } from "./relay/wrangler.ts";

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
} as const satisfies { [name in LimitName]: readonly [string, string] };
const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

interface Settings {
  readonly command: string;
  readonly id: string | null;
  readonly limits: Limits;
  /** Limits that go back to those of relay.config.ts. */
  readonly defaults: readonly (keyof Limits)[];
  readonly operator: boolean;
  readonly replace: boolean;
  readonly json: boolean;
  readonly records: KeyRecords;
}

async function main(argv: string[]): Promise<number> {
  const settings = readSettings(argv);
  if (settings === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const { command, id, records } = settings;
  if (command === "list") return show(settings, await records.list());
  if (id === null) throw new UsageError(`${command} needs an ID`);
  if (command === "add") return add(settings, id);
  const record = (await records.list(id)).get(id);
  if (record === undefined) throw new Error(`there is no key '${id}'`);
  if (command === "revoke") {
    await records.remove(id, record);
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
  await records.change(id, changed);
  return show(settings, new Map([[id, changed]]));
}

async function add(settings: Settings, id: string): Promise<number> {
  const { records } = settings;
  const former = (await records.list(id)).get(id);
  if (former !== undefined && !settings.replace)
    throw new Error(`there is a key '${id}' already: --replace it?`);
  const limits = { ...former?.limits, ...settings.limits };
  const record = {
    ...((settings.operator || former?.operator === true) && { operator: true as const }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
  const key = await records.draw(id, record, former);
  say(settings, { id, key }, `${key}\n\nThe key of '${id}'. It is shown this once; only its hash is stored.`);
  return 0;
}

/** Listed though a key has none of its own. */
const ALWAYS: ReadonlySet<LimitName> = new Set(["sessions_per_minute", "concurrent"]);

function show(settings: Settings, records: ReadonlyMap<string, KeyRecord>): number {
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
  requireOf(command, values);
  if (values["persist-to"] !== undefined && values.local !== true)
    throw new UsageError("--persist-to needs --local");
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
    records: new KeyRecords(values.local === true ? { local: values["persist-to"] ?? null } : "remote"),
  };
}

/** @throws UsageError for an option that this command would take no notice of. */
function requireOf(command: string, values: ReturnType<typeof parse>["values"]): void {
  const given = (name: keyof typeof values): boolean => values[name] !== undefined;
  const options = LIMIT_NAMES.map((name) => LIMITS[name][0]);
  const limit = command === "list" || command === "revoke" ? options.find(given) : undefined;
  if (limit !== undefined) throw new UsageError(`--${limit} is of add and limit`);
  const adding = command === "add" ? undefined : (["operator", "replace"] as const).find(given);
  if (adding !== undefined) throw new UsageError(`--${adding} is of add`);
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
