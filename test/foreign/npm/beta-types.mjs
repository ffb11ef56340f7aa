/** Has the compiler judge events by the types of the beta, which went with `openai` 4. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("./", import.meta.url));
const TSC = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
const OPTIONS =
  "--ignoreConfig --strict --noEmit --skipLibCheck --target es2025 --module nodenext --moduleResolution nodenext --pretty false";

/** Null where the types have a value, and the provider sent null: left out. */
const NULLS = new Set(
  `previous_item_id status_details usage input_audio_transcription input_audio_noise_reduction turn_detection
  metadata conversation_id voice transcript error`.split(/\s+/),
);
/** Names of models of that year; `in_progress`, which the types forgot. */
const OPEN = new Set(["model", "status"]);

/** What is to satisfy the types. `audio` as the content of an item is the provider's, and is not in them. */
function strict(value) {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value === "string") return value.slice(0, 60);
  if (typeof value !== "object" || value === null) return value;
  const said = Object.entries(value).filter(
    ([key, each]) => !OPEN.has(key) && (each !== null || !NULLS.has(key)),
  );
  return Object.fromEntries(
    said.map(([key, each]) => [key, key === "content" ? each.map(partOf) : strict(each)]),
  );
}

function partOf({ type, ...rest }) {
  return strict(type === "audio" ? rest : { type, ...rest });
}

/** What the compiler says against the events being `RealtimeServerEvent`. */
export function faults(events) {
  const examples = [...new Map(events.map((event) => [event.type, event])).values()].map(strict);
  const folder = mkdtempSync(join(HERE, "types-"));
  try {
    // Members that the types do not name are the relay's own: a variable, unlike a literal, may have them.
    const lines = examples.flatMap((event, at) => [
      `const e${at} = ${JSON.stringify(event)} as const;`,
      `const c${at}: Loose<Extract<RealtimeServerEvent, { type: "${event.type}" }>> = e${at};`,
      `void c${at};`,
    ]);
    lines.unshift(
      'import type { RealtimeServerEvent } from "openai-4/resources/beta/realtime/realtime";',
      "type Loose<T> = T extends (infer E)[] ? readonly Loose<E>[] : T extends object ? { readonly [K in keyof T]: Loose<T[K]> } : T;",
    );
    writeFileSync(join(folder, "events.ts"), lines.join("\n"));
    execFileSync(process.execPath, [TSC, ...OPTIONS.split(" "), join(folder, "events.ts")], { cwd: HERE });
    return [];
  } catch (error) {
    if (!(error instanceof Error && "stdout" in error)) throw error;
    return String(error.stdout)
      .trim()
      .split(/\n(?! )/);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
