/** `npm run recordings`: plays recorded sockets of providers through the real core and adapter, and compares. */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { PROFILES } from "../src/upstreams/openai-compatible/profiles.ts";
import { differences } from "../test/recordings/compare.ts";
import { isElevenLabs, playElevenLabs } from "../test/recordings/elevenlabs.ts";
import { isGemini, playGemini } from "../test/recordings/gemini.ts";
import { textOf } from "../test/recordings/names.ts";
import { play } from "../test/recordings/player.ts";
import { readRecording, type Step } from "../test/recordings/recording.ts";

const HELP = `npm run recordings -- FILE... [options]

Plays recorded sockets of a provider (YAML or JSON: {interactions: [{direction, kind, data}]}) through the relay's core
and adapter: the recorded client speaks to the relay, the recorded provider answers it. Whatever the provider said must
reach the client, and whatever the relay asks must be what the recorded client asked.

  --profile NAME   ${Object.keys(PROFILES).join(", ")}
                   (default: by the file's name and folder, else openai)
  --json           print one JSON object
  --help

Code 0: nothing differs. 1: something does. 2: wrong arguments, or a file that is no recording.
`;

class UsageError extends Error {}

interface Verdict {
  readonly file: string;
  readonly profile: string;
  /** Null: no socket of a dialect that is known. */
  readonly differences: readonly string[] | null;
}

function profileOf(file: string, given: string | undefined): string {
  if (given !== undefined) {
    if (!(given in PROFILES)) throw new UsageError(`--profile takes ${Object.keys(PROFILES).join(", ")}`);
    return given;
  }
  const path = join(basename(dirname(file)), basename(file))
    .toLowerCase()
    .replaceAll("_", "-");
  const named = Object.keys(PROFILES).filter((name) => name !== "openai" && path.includes(name));
  // Azure has two.
  return named.sort((a, b) => b.length - a.length)[0] ?? "openai";
}

function steps(file: string): readonly Step[] {
  try {
    return readRecording(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : "cannot be read"}`, {
      cause: error,
    });
  }
}

function judge(file: string, given: string | undefined): Verdict {
  const profile = profileOf(file, given);
  const recorded = steps(file);
  if (isGemini(recorded)) {
    const { said, told } = playGemini(recorded);
    return { file, profile: "gemini-live", differences: differences(said, told) };
  }
  if (isElevenLabs(recorded)) {
    const { said, told } = playElevenLabs(recorded);
    return { file, profile: "elevenlabs-agents", differences: differences(said, told) };
  }
  const ofDialect = recorded.some(({ event }) => textOf(event["type"]).startsWith("session."));
  if (!ofDialect) return { file, profile, differences: null };
  const { said, told, refused } = play(recorded, { profile });
  return { file, profile, differences: [...refused, ...differences(said, told)] };
}

function main(): number {
  const { values, positionals } = parse();
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  if (positionals.length === 0) throw new UsageError("no FILE given");
  const verdicts = positionals.map((file) => judge(file, values.profile));
  const differ = verdicts.filter(({ differences: found }) => found !== null && found.length > 0);
  if (values.json === true) process.stdout.write(`${JSON.stringify({ verdicts })}\n`);
  else for (const verdict of verdicts) print(verdict);
  return differ.length === 0 ? 0 : 1;
}

function print({ file, profile, differences: found }: Verdict): void {
  if (found === null)
    console.log(
      `-  ${file}: no socket of the OpenAI Realtime dialect, of Gemini Live or of an agent of ElevenLabs`,
    );
  else console.log(`${found.length === 0 ? "ok" : "NO"} ${file} (${profile})`);
  for (const line of found ?? []) console.log(`     ${line}`);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { profile: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong arguments", { cause: error });
  }
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
