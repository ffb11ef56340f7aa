/** What may follow a benchmark's name: its flags, read strictly, and its help. */
import { parseArgs } from "node:util";

export interface Flag {
  /** What stands for its value (`N`, `gaps,death`); absent: it has none. */
  readonly value?: string;
  readonly says: string;
}

/** By name, without the dashes. */
export type Flags = Readonly<Record<string, Flag>>;

/** For all benchmarks. */
const COMMON: Flags = {
  assert: { says: "exit with 1 when a target is missed" },
  json: { says: "nothing on standard output but the last line" },
  help: { says: "this" },
};

/** What was asked for cannot be read: exit with 2. */
export class UsageError extends Error {}

/** What the caller gave after the name. */
export class Given {
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;

  constructor(values: Readonly<Record<string, string | boolean | undefined>>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** Null: it was not given. */
  text(name: string): string | null {
    const value = this.#values[name];
    return typeof value === "string" ? value : null;
  }

  /** @throws UsageError when it is none. */
  number(name: string, fallback: number): number {
    const text = this.text(name);
    return text === null ? fallback : numberOf(name, text);
  }

  /** Numbers with commas between them. @throws UsageError when one of them is none. */
  numbers(name: string, fallback: readonly number[]): readonly number[] {
    return (
      this.text(name)
        ?.split(",")
        .map((text) => numberOf(name, text)) ?? fallback
    );
  }

  /** Some of these, with commas between them. @throws UsageError when it names another. */
  some(name: string, of: readonly string[]): readonly string[] {
    const names = this.text(name)?.split(",") ?? of;
    const unknown = names.find((each) => !of.includes(each));
    if (unknown !== undefined)
      throw new UsageError(`--${name}: there is no ${unknown}; there are: ${of.join(", ")}`);
    return names;
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number < 0)
    throw new UsageError(`--${name}: '${text}' is no number`);
  return number;
}

/** @throws UsageError when a flag is unknown, lacks its value, or anything else is there. */
export function readFlags(args: readonly string[], flags: Flags): Given {
  const options = Object.fromEntries(
    Object.entries({ ...flags, ...COMMON }).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  try {
    return new Given(parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export interface Described {
  readonly name: string;
  /** What it measures, in one line. */
  readonly description: string;
  readonly flags: Flags;
  /** How long it takes on two cores with nothing else to do. */
  readonly lasts: string;
}

/** Its flags as they stand behind its name, without those of all. */
export function usageOf(flags: Flags): string {
  return Object.entries(flags)
    .map(([flag, { value }]) => ` [--${flag}${value === undefined ? "" : ` ${value}`}]`)
    .join("");
}

export function helpOf({ name, description, flags, lasts }: Described): string {
  const all = Object.entries({ ...flags, ...COMMON }).map(([flag, { value, says }]) => [
    `--${flag}${value === undefined ? "" : ` ${value}`}`,
    says,
  ]);
  const width = Math.max(...all.map(([flag = ""]) => flag.length));
  const list = all.map(([flag = "", says]) => `  ${flag.padEnd(width)}  ${says}`).join("\n");
  return `npm run bench -- ${name} [FLAGS]\n\n${description}\nIt takes ${lasts}.\n\n${list}\n`;
}
