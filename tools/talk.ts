/** `npm run talk -- FILE.wav`: holds a call in real time from a recording and reports what happened when. */
import { open, readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { PHONE_RATE_HZ, TelephoneCall } from "./phone/call.ts";
import { devKeyFor } from "./relay/dev-key.ts";
import { Call, type Outcome } from "./talk/call.ts";
import { plainAnswer } from "./talk/ledger.ts";
import { LastingLine } from "./talk/lasting-line.ts";
import { Line, LineError, withoutQuery } from "./talk/line.ts";
import { RATE_HZ } from "./talk/microphone.ts";
import { describeSummary, median, seconds, type Summary } from "./talk/timeline.ts";
import { readWav, resample, toInt16, WavError, writeWav } from "./wav.ts";

const HELP = `npm run talk -- FILE.wav [options]

Plays the recording to the relay in real time, 20 ms by 20 ms, listens to the answers as a loudspeaker would, and
prints what happened when. Any WAV file will do: 8 to 48 kHz and others, 8 to 32 bits or float, mono or stereo.

  --url URL        relay to call                       (ws://127.0.0.1:8787)
                   with a path, it is dialled as it is: a session's URL, or another server's
  --key KEY        API key                             ($RELAY_API_KEY, else what npm start prints)
  --model NAME     route of relay.config.ts            (demo)
  --out FILE       write what the listener heard to this WAV file
  --binary         duplex.v1 with binary audio         (this is the default)
  --json-audio     the plain OpenAI dialect with base64 audio
  --turns N        hang up after N answered turns, repeating the file for them
  --drop SECONDS   break the connection so often; the call goes on (not with --json-audio)
  --phone          call as a telephone does, by Twilio's media streams (docs/telephone.md); signed by
                   $TWILIO_AUTH_TOKEN, if there is one
  --number NUMBER  number that is called, with --phone (+15550199)
  --interrupt MS   speak when the greeting has sounded for so long, with --phone
  --keys KEYS      press these when the file is over, with --phone
  --tools          offer the model the tool get_time and answer its calls
  --json           print one JSON object instead of the timeline
  --help

Ends when the answers are over. Code 0: every turn was answered. 1: no connection, or it was lost. 2: wrong
arguments, or an unreadable file. 3: no speech was found in the file, or a turn got no answer.
`;

interface Arguments {
  readonly file: string;
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly out: string | null;
  readonly binary: boolean;
  readonly turns: number | null;
  readonly dropMs: number | null;
  readonly tools: boolean;
  readonly json: boolean;
  /** Null: not by telephone. */
  readonly phone: {
    readonly number: string;
    readonly interruptAfterMs: number | null;
    readonly keys: string;
  } | null;
}

class UsageError extends Error {}

const LOCAL_RELAY = "ws://127.0.0.1:8787";
const CODES: Readonly<Record<Outcome, number>> = { over: 0, lost: 1, unheard: 3, unanswered: 3 };

function readArguments(argv: string[]): Arguments | "help" {
  const { values, positionals } = parse(argv);
  if (values.help === true) return "help";
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("give one WAV file");
  if (values.binary === true && values["json-audio"] === true)
    throw new UsageError("--binary or --json-audio, not both");
  requireUse(values);
  const turns = values.turns === undefined ? null : Number(values.turns);
  if (turns !== null && !(Number.isInteger(turns) && turns > 0))
    throw new UsageError("--turns takes a whole number from 1");
  const dropMs = values.drop === undefined ? null : Number(values.drop) * 1000;
  if (dropMs !== null && !(dropMs >= 500)) throw new UsageError("--drop takes seconds from 0.5");
  if (dropMs !== null && values["json-audio"] === true)
    throw new UsageError("--drop needs duplex.v1: --json-audio cannot come back");
  return {
    file,
    url: callUrl(values.url ?? LOCAL_RELAY, values.model ?? "demo"),
    key: values.key ?? process.env["RELAY_API_KEY"] ?? devKeyFor(values.url ?? LOCAL_RELAY),
    model: values.model ?? "demo",
    out: values.out ?? null,
    binary: values["json-audio"] !== true,
    turns,
    dropMs,
    tools: values.tools === true,
    json: values.json === true,
    phone: values.phone === true ? phoneOf(values.number, values.interrupt, values.keys) : null,
  };
}

/** Of a telephone's call alone, and of every other call alone. */
const PHONE_FLAGS = ["number", "interrupt", "keys"] as const;
const OTHER_FLAGS = ["model", "turns", "tools", "binary", "json-audio"] as const;

/** @throws UsageError for a flag that would do nothing. */
function requireUse(values: ReturnType<typeof parse>["values"]): void {
  const useless = (values.phone === true ? OTHER_FLAGS : PHONE_FLAGS).find(
    (name) => values[name] !== undefined,
  );
  if (useless === undefined) return;
  if (values.phone !== true) throw new UsageError(`--${useless} needs --phone`);
  const instead = useless === "model" ? " (relay.config.ts says by its number what answers)" : "";
  throw new UsageError(`--${useless} is not for --phone${instead}`);
}

/** A call takes its time: whether its end can be kept is known before. */
async function requireWritable(out: string | null): Promise<void> {
  if (out === null) return;
  try {
    await (await open(out, "a")).close();
  } catch (error) {
    throw new UsageError(`--out ${out}: ${messageOf(error)}`, { cause: error });
  }
}

function phoneOf(number = "+15550199", interrupt: string | undefined, keys = "") {
  const interruptAfterMs = interrupt === undefined ? null : Number(interrupt);
  if (interruptAfterMs !== null && !(interruptAfterMs >= 0))
    throw new UsageError("--interrupt takes milliseconds");
  if (!/^[0-9A-D*#]*$/.test(keys)) throw new UsageError("--keys takes 0 to 9, A to D, * and #");
  return { number, interruptAfterMs, keys };
}

function parse(argv: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        url: text,
        key: text,
        model: text,
        out: text,
        turns: text,
        drop: text,
        number: text,
        interrupt: text,
        keys: text,
        phone: flag,
        binary: flag,
        "json-audio": flag,
        tools: flag,
        json: flag,
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** http becomes ws; a bare origin gets the OpenAI door. */
function callUrl(text: string, model: string): string {
  let url: URL;
  try {
    url = new URL(text.replace(/^http/, "ws"));
  } catch {
    throw new UsageError(`--url ${text}: not a URL`);
  }
  if (url.protocol !== "ws:" && url.protocol !== "wss:")
    throw new UsageError(`--url ${text}: not a ws or wss URL`);
  if (url.pathname === "/" || url.pathname === "/v1" || url.pathname === "/v1/")
    url.pathname = "/v1/realtime";
  if (url.pathname.endsWith("/v1/realtime") && !url.search) url.searchParams.set("model", model);
  return url.href;
}

async function main(): Promise<number> {
  const settings = readArguments(process.argv.slice(2));
  if (settings === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  await requireWritable(settings.out);
  if (settings.phone !== null) return telephone(settings, settings.phone);
  const speech = await readSpeech(settings.file, RATE_HZ);
  const protocol = settings.binary ? "duplex.v1" : "realtime";
  const progress = progressLine();
  const lasting = settings.binary
    ? await LastingLine.open(settings.url, settings.key, (what) => call.note(what))
    : null;
  const line = lasting ?? (await Line.open(settings.url, settings.key, protocol));
  const call: Call = new Call(line, {
    speech,
    binary: settings.binary,
    turns: settings.turns,
    tools: settings.tools,
    report: (atMs, what) => {
      progress.clear();
      report(settings, atMs, what);
    },
  });
  const ticking = setInterval(() => progress.show(progressOf(call)), 250);
  const dropping = settings.dropMs === null ? undefined : setInterval(() => lasting?.drop(), settings.dropMs);
  try {
    const outcome = await call.run();
    return await finish(call, outcome, settings, protocol, line);
  } finally {
    clearInterval(ticking);
    clearInterval(dropping);
    progress.clear();
    await line.hangUp();
  }
}

function report({ json }: Arguments, atMs: number, what: string): void {
  const text = `[${(atMs / 1000).toFixed(2).padStart(7)} s] ${what}\n`;
  (json ? process.stderr : process.stdout).write(text);
}

async function telephone(settings: Arguments, phone: NonNullable<Arguments["phone"]>): Promise<number> {
  const call = new TelephoneCall({
    relay: new URL(settings.url.replace(/^ws/, "http")).origin,
    speech: await readSpeech(settings.file, PHONE_RATE_HZ),
    ...phone,
    authToken: process.env["TWILIO_AUTH_TOKEN"] ?? null,
    report: (atMs, what) => report(settings, atMs, what),
  });
  const dropping = settings.dropMs === null ? undefined : setInterval(() => call.drop(), settings.dropMs);
  const summary = await call.run().finally(() => clearInterval(dropping));
  if (settings.out !== null) await writeFile(settings.out, writeWav(call.recording, PHONE_RATE_HZ));
  if (settings.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  for (const fault of summary.faults) process.stderr.write(`a carrier would not take this: ${fault}\n`);
  if (!summary.answered) process.stderr.write("the caller got no answer\n");
  return summary.answered && summary.faults.length === 0 ? 0 : 3;
}

async function finish(
  call: Call,
  outcome: Outcome,
  settings: Arguments,
  dialect: string,
  line: Line | LastingLine,
): Promise<number> {
  const summary = summarise(call, settings, dialect);
  if (settings.out !== null) await writeFile(settings.out, writeWav(call.listener.recording, RATE_HZ));
  process.stdout.write(settings.json ? `${JSON.stringify(summary)}\n` : `${describeSummary(summary)}\n`);
  if (settings.out !== null && !settings.json)
    process.stdout.write(`what the listener heard: ${settings.out}\n`);
  if (outcome === "unheard") process.stderr.write("no speech was found in the file\n");
  if (outcome === "unanswered") process.stderr.write("a turn got no answer\n");
  if (outcome === "lost")
    process.stderr.write(`the server hung up: ${line.closed?.code} ${line.closed?.reason}\n`);
  return CODES[outcome];
}

async function readSpeech(file: string, rateHz: number): Promise<Int16Array> {
  try {
    const speech = toInt16(resample(readWav(new Uint8Array(await readFile(file))), rateHz));
    if (speech.length === 0) throw new WavError("it holds no audio");
    return speech;
  } catch (error) {
    throw new UsageError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

function summarise(call: Call, settings: Arguments, dialect: string): Summary {
  const answers = call.ledger.answers.map((answer) => answer.afterSpeechMs).filter((ms) => ms !== null);
  return {
    url: withoutQuery(settings.url),
    model: settings.model,
    dialect,
    durationMs: Math.round(call.nowMs),
    sentMs: call.microphone.sentMs,
    turns: call.ledger.turns.map((turn) => ({ ...turn, answers: turn.answers.map(plainAnswer) })),
    others: call.ledger.others.map(plainAnswer),
    interruptions: call.interruptions,
    underruns: call.listener.underruns,
    errors: call.errors,
    firstAudioMedianMs: median(answers),
  };
}

function progressOf(call: Call): string {
  const { microphone, listener } = call;
  const said = seconds(Math.min(microphone.sentMs, microphone.fileMs));
  const state = listener.quietMs < 300 ? "listening to an answer" : microphone.over ? "waiting" : "speaking";
  return `${said} of ${seconds(microphone.fileMs)} said, ${state}`;
}

/** One line that keeps being overwritten, on a terminal only. */
function progressLine(): { show(text: string): void; clear(): void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { show: () => {}, clear: () => {} };
  return {
    show: (text) => stderr.write(`\r\u001b[K  ${text} …`),
    clear: () => stderr.write("\r\u001b[K"),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`npm run talk: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : error instanceof LineError ? 1 : 70;
}
