/** The conversation as the text model is told it: what was said and done, a line each, the newest of it. */
import { textAt } from "../../upstreams/json.ts";
import { textOf } from "../../upstreams/common/told-context.ts";
import type { Entry as Told } from "../../upstreams/cascade/history.ts";
import { cutAt, type Entry, wordsHeard } from "../memory/entry.ts";

const MOST_LINES = 128;
const MOST_CHARS = 32_768;

/** What a task begins with. @param without the call that handed it on */
export function askedOf(task: string, entries: readonly Entry[], without: string): readonly Told[] {
  const told = transcript(entries.filter(({ item }) => item.id !== without));
  const before = told === "" ? "" : `The conversation so far:\n${told}\n\n`;
  return [{ kind: "message", role: "user", content: `${before}The task:\n${task}` }];
}

function transcript(entries: readonly Entry[]): string {
  const lines: string[] = [];
  let left = MOST_CHARS;
  for (const entry of entries.toReversed()) {
    const line = lineOf(entry);
    if (line === "") continue;
    left -= line.length + 1;
    if (left < 0 || lines.length === MOST_LINES) break;
    lines.push(line);
  }
  return lines.toReversed().join("\n");
}

function lineOf(entry: Entry): string {
  const { item } = entry;
  const text = cutAt(entry) === null ? textOf(item) : wordsHeard(entry);
  if (text === "") return "";
  if (item.type !== "message") return text.replace(/^You called/, "The agent called");
  const role = textAt(item, "role");
  if (role === "user") return `Caller: ${text}`;
  return role === "assistant" ? `Agent: ${text}` : `Note: ${text}`;
}
