/**
 * `node tools/complete-lock.ts`: adds to package-lock.json what npm left out. npm writes only what its registry showed it:
 * where a mirror lacks the macOS and Windows builds of a pinned version, the lock misses them, and then npm on those
 * systems installs nothing in their place and says nothing (npm/cli issue 4828). Each added entry has version, os and
 * cpu, from the package's name, and every entry without a checksum gets the one that the registry has of it.
 * `--check` only reports, with code 1 when something is missing.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

interface LockEntry {
  version?: string;
  integrity?: string;
  /** A folder of this project. */
  link?: boolean;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  license?: string;
  optionalDependencies?: Record<string, string>;
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

const SYSTEMS: Readonly<Record<string, string>> = {
  aix: "aix",
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  netbsd: "netbsd",
  openbsd: "openbsd",
  openharmony: "openharmony",
  sunos: "sunos",
  win32: "win32",
  windows: "win32",
};

/** workerd calls x64 "64". */
const PROCESSORS: Readonly<Record<string, string>> = { "64": "x64" };

/** What a name like `binding-linux-arm64-musl` says of its platform, or null when it names none. */
export function platformOf(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> | null {
  const words = name.slice(name.lastIndexOf("/") + 1).split("-");
  const at = words.findIndex((word) => word in SYSTEMS);
  const os = SYSTEMS[words[at] ?? ""];
  const word = words[at + 1];
  if (os === undefined || word === undefined) return null;
  const libc = words.slice(at + 2).join("-");
  return {
    cpu: [PROCESSORS[word] ?? word],
    ...(os === "linux" && libc.startsWith("gnu") ? { libc: ["glibc"] } : {}),
    ...(os === "linux" && libc.startsWith("musl") ? { libc: ["musl"] } : {}),
    os: [os],
  };
}

/** Completes `lock` in place and returns the names added, `path@version`. */
export function complete(lock: Lock): string[] {
  const { packages } = lock;
  const added: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (found(packages, path, name)) continue;
      const platform = platformOf(name);
      // Only exact versions are a package's own binaries; anything else is npm's to resolve.
      if (platform === null || !/^\d/.test(version)) continue;
      const place = placeFor(packages, path, name, version);
      packages[place] = {
        version,
        ...platform,
        ...(entry.dev === true ? { dev: true } : {}),
        optional: true,
      };
      added.push(`${place}@${version}`);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
  return added;
}

/** As Node resolves: beside the package, or in any node_modules above it. */
function found(packages: Lock["packages"], from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, at.lastIndexOf("/node_modules/"))) {
    const place = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (
      packages[place] !== undefined &&
      packages[place].version === packages[from]?.optionalDependencies?.[name]
    )
      return true;
    if (at === "") return false;
    if (!at.includes("/node_modules/")) {
      const top = packages[`node_modules/${name}`];
      return top !== undefined && top.version === packages[from]?.optionalDependencies?.[name];
    }
  }
}

/** Where npm would put it: at the top, or beside the package that needs it when the top holds another version. */
function placeFor(packages: Lock["packages"], from: string, name: string, version: string): string {
  const parent = from.includes("/node_modules/") ? from.slice(0, from.lastIndexOf("/node_modules/")) : "";
  // A nested package's own binaries live where the package does, like its Linux ones.
  if (parent !== "") return `${parent}/node_modules/${name}`;
  const top = packages[`node_modules/${name}`];
  return top === undefined || top.version === version
    ? `node_modules/${name}`
    : `${from}/node_modules/${name}`;
}

/** Places of what npm would install without knowing that it is what was locked. */
export function unchecked(lock: Lock): string[] {
  return Object.entries(lock.packages).flatMap(([place, { integrity, link }]) =>
    place.startsWith("node_modules/") && integrity === undefined && link !== true ? [place] : [],
  );
}

/** Asks the registry. @returns the places of which it has no checksum. */
async function addChecksums(lock: Lock): Promise<string[]> {
  const failed: string[] = [];
  for (const place of unchecked(lock)) {
    const entry = lock.packages[place];
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    const integrity = await integrityOf(`${name}@${entry?.version}`);
    if (entry === undefined || integrity === null) failed.push(place);
    // Beside the version, as npm writes it.
    else lock.packages[place] = { version: entry.version ?? "", integrity, ...entry };
  }
  return failed;
}

async function integrityOf(spec: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("npm", ["view", spec, "dist.integrity"]);
    return /^sha512-\S+$/.exec(stdout.trim())?.[0] ?? null;
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const lock: Lock = JSON.parse(await readFile(file, "utf8"));
  const added = complete(lock);
  if (process.argv.includes("--check")) {
    const missing = [
      ...added.map((name) => `lacks ${name}`),
      ...unchecked(lock).map((at) => `has no checksum of ${at}`),
    ];
    for (const what of missing)
      process.stderr.write(`package-lock.json ${what}: run node tools/complete-lock.ts\n`);
    if (missing.length > 0) process.exitCode = 1;
    return;
  }
  const failed = await addChecksums(lock);
  await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`${added.length} entries added\n`);
  for (const place of failed) process.stderr.write(`the registry has no checksum of ${place}\n`);
  if (failed.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
