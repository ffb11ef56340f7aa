/**
 * More people for `bench -- turns --human --extra OUT`: `node tools/floor/gather.ts MIRRORS OUT [DEBIAN]`. MIRRORS holds clones, bare or
 * not, named OWNER+NAME/repo, of jimbozhang/speechocean762 (free for any use), wake-up-word/wuw-corpus-ii (CC BY-SA 4.0) and
 * deeplyinc/Nonverbal-Vocalization-Dataset (CC BY-NC-ND 4.0: to measure with, nothing is trained on it). DEBIAN is
 * where the packages asterisk-core-sounds-es-wav, -ru-wav and asterisk-prompt-it-menardi-wav (all CC BY-SA 3.0) were unpacked
 * (`dpkg -x`): prompts in three more voices and two more languages. What is written is no part of this repository. Every speaker is in one part: whose sounds a constant may be chosen on, or who is reported.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { decodeMulaw } from "../../src/audio/g711.ts";
import { writeWav } from "../wav.ts";

type Part = "tune" | "report";

interface Entry {
  readonly id: string;
  readonly group: string;
  readonly kind: string;
  readonly speaker: string;
  readonly part: Part;
  readonly file: string;
}

const [mirrors, out, debian] = process.argv.slice(2);
if (!mirrors || !out) throw new Error("usage: node tools/floor/gather.ts MIRRORS OUT [DEBIAN]");
mkdirSync(out, { recursive: true });
const entries: Entry[] = [];

class Repository {
  readonly #folder: string;

  constructor(name: string) {
    this.#folder = `${mirrors}/${name}/repo`;
  }

  #git(...args: string[]): Buffer {
    return execFileSync("git", ["-C", this.#folder, ...args], { maxBuffer: 2 ** 28 });
  }

  list(under: string): string[] {
    return String(this.#git("ls-tree", "-r", "--name-only", "HEAD", under))
      .trim()
      .split("\n");
  }

  file(path: string): Buffer {
    return this.#git("show", `HEAD:${path}`);
  }

  lines(path: string): string[] {
    return String(this.file(path)).trim().split("\n");
  }
}

function keep(entry: Omit<Entry, "file">, wav: Uint8Array): void {
  const file = `${entry.id}.wav`;
  writeFileSync(`${out}/${file}`, wav);
  entries.push({ ...entry, file });
}

/** Readers of whom the shared data has nothing: the longest sentences of every eighth. All are reported. */
function readers(): void {
  const corpus = new Repository("jimbozhang+speechocean762");
  const shared: { id: string; speaker: string }[] = JSON.parse(
    readFileSync(new URL("../../../shared/data/human/utterances.json", import.meta.url), "utf8"),
  );
  const known = new Set(
    shared.filter(({ id }) => id.startsWith("so-")).map(({ speaker }) => Number(speaker)),
  );
  const ages = new Map<string, number>();
  for (const set of ["train", "test"])
    for (const line of corpus.lines(`${set}/spk2age`)) {
      const [speaker = "", age = ""] = line.split("\t");
      if (!known.has(Number(speaker))) ages.set(speaker, Number(age));
    }
  const spoken = Map.groupBy(corpus.list("WAVE"), (path) => path.slice(12, 16));
  const order = [...ages.keys()].toSorted();
  for (const speaker of order.filter((_, index) => index % 8 === 0)) {
    const files = (spoken.get(speaker) ?? []).map((path) => ({ path, bytes: corpus.file(path) }));
    const longest = files.toSorted((a, b) => b.bytes.length - a.bytes.length).slice(0, 4);
    for (const [index, { bytes }] of longest.entries()) {
      const group = (ages.get(speaker) ?? 0) < 13 ? "child" : "adult";
      keep(
        { id: `so-${speaker}-${index}`, group, kind: "sentence", speaker: `so${speaker}`, part: "report" },
        bytes,
      );
    }
  }
}

/** Words over the telephone: the first 160 calls are for choosing, every sixth of the others is reported. */
function telephone(): void {
  const corpus = new Repository("wake-up-word+wuw-corpus-ii");
  for (const line of corpus.lines("archive/WUWII_Transcriptions.txt")) {
    const [, , , , , call = "", utterance = "", name = "", from = "", to = ""] = line.split("|");
    const part = Number(call) < 160 ? "tune" : "report";
    const every = part === "tune" ? 8 : 6;
    if (!/^00[1-5]$/u.test(utterance) || Number(call) % every !== 0 || !(Number(to) > Number(from))) continue;
    const bytes = corpus.file(`calls/${call}/${name}`);
    const samples = new Int16Array(bytes.length);
    decodeMulaw(bytes, samples);
    const word = samples.slice(Math.round(Number(from) * 8000), Math.round(Number(to) * 8000));
    const wav = writeWav(word, 8000);
    keep(
      { id: `tel-${call}-${utterance}`, group: "telephone", kind: "word", speaker: `tel${call}`, part },
      wav,
    );
  }
}

/** Noises of people: every other speaker is reported. */
function noises(): void {
  const corpus = new Repository("deeplyinc+Nonverbal-Vocalization-Dataset");
  const files = corpus.list("dataset").filter((path) => path.endsWith(".wav"));
  const speakerOf = (path: string): string => path.split("/").at(-1)?.split("_")[0] ?? "";
  const order = [...new Set(files.map(speakerOf))].toSorted();
  for (const path of files) {
    const kind = path.split("/")[1] ?? "";
    if (!["coughing", "throat-clearing", "sneezing", "sighing", "laughing", "yawning"].includes(kind))
      continue;
    const speaker = speakerOf(path);
    const part = order.indexOf(speaker) % 2 === 0 ? "tune" : "report";
    const id = path
      .split("/")
      .slice(1)
      .join("-")
      .replace(/\.wav$/u, "");
    keep({ id, group: "noise", kind, speaker: `deeply${speaker}`, part }, corpus.file(path));
  }
}

const VOICES = { es: "es_MX_f_Allison", ru: "ru_RU_f_IvrvoiceRU", "it-menardi": "it_IT_f_Menardi" };
const PROMPTS = 16;
/** Of 16 bits at 8 kHz, with their header: a second and a half to six seconds. */
const PROMPT_BYTES = [24_000, 96_000] as const;

/** Prompts of studio voices, all for the report: of each voice every so many of those that are as long as sentences. */
function prompts(folder: string): void {
  for (const [language, voice] of Object.entries(VOICES)) {
    const path = `${folder}/usr/share/asterisk/sounds/${voice}`;
    const files = readdirSync(path)
      .filter((name) => name.endsWith(".wav"))
      .toSorted()
      .map((name) => ({ name, bytes: readFileSync(`${path}/${name}`) }))
      .filter(({ bytes }) => bytes.length >= PROMPT_BYTES[0] && bytes.length <= PROMPT_BYTES[1]);
    const step = Math.max(1, Math.floor(files.length / PROMPTS));
    for (const { name, bytes } of files.filter((_, at) => at % step === 0).slice(0, PROMPTS))
      keep(
        {
          id: `ast-${language}-${name.slice(0, -4)}`,
          group: "ivr",
          kind: "prompt",
          speaker: `ast-${language}`,
          part: "report",
        },
        bytes,
      );
  }
}

readers();
if (debian !== undefined) prompts(debian);
telephone();
noises();
writeFileSync(`${out}/index.json`, JSON.stringify(entries));
process.stdout.write(
  `${entries.length} sounds of ${new Set(entries.map(({ speaker }) => speaker)).size} people\n`,
);
