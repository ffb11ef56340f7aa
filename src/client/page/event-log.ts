/** The raw events of the call, both ways, with filter and copy. Runs of binary audio are one row. */
import type { Call, CallEventMap } from "../index.ts";
import { numberAt, stringAt, type JsonObject } from "../json.ts";
import { appendFollowing, create, element } from "./elements.ts";
import { redacted } from "./redact.ts";

/** Rows kept: an hour of talk is more than anyone scrolls. */
const MAX_ROWS = 1000;

interface Row {
  readonly line: HTMLLIElement;
  /** What the filter searches and the copy gives. */
  text: string;
}

type Direction = CallEventMap["event"]["direction"] | "here";
const ARROWS: Readonly<Record<Direction, readonly [string, string]>> = {
  in: ["◂", "received"],
  out: ["▸", "sent"],
  here: ["·", "noted here"],
};
/** They come twice a second as long as the call lasts, or an answer sounds: one row for all of them. */
const STEADY: ReadonlySet<string> = new Set(["session.ack", "session.heartbeat"]);
/** Of a run of deltas, so much of what they say is shown. */
const SHOWN_CHARACTERS = 80;

interface Run {
  readonly row: Row;
  readonly name: HTMLElement;
  /** Other events do not end it. */
  readonly steady: boolean;
  messages: number;
  ms: number;
  /** What the deltas say together. */
  text: string;
}

export class EventLog {
  readonly #list = element("events", HTMLOListElement);
  readonly #filter = element("filter", HTMLInputElement);
  readonly #copy = element("copy", HTMLButtonElement);
  #rows: Row[] = [];
  readonly #runs = new Map<string, Run>();
  #startedAt = 0;

  constructor() {
    this.#filter.addEventListener("input", () => {
      for (const row of this.#rows) row.line.hidden = !this.#matches(row);
    });
    this.#copy.addEventListener("click", () => void this.#copyRows());
    element("clear", HTMLButtonElement).addEventListener("click", () => this.clear());
  }

  clear(): void {
    this.#rows = [];
    this.#runs.clear();
    this.#list.replaceChildren();
  }

  follow(call: Call): void {
    this.clear();
    this.#startedAt = performance.now();
    call.on("event", ({ direction, event }) => this.#event(direction, event));
    call.on("frame", (frame) => this.#frame(frame));
    call.on("reconnecting", ({ attempt, delayMs, close }) => {
      const why = close.reason === "" ? `code ${close.code}` : `code ${close.code}, ${close.reason}`;
      const body = { attempt, delay_ms: Math.round(delayMs), close: { ...close } };
      this.#named("here", `reconnecting: attempt ${attempt} (${why})`, body);
    });
    call.on("blocked", ({ device }) => this.#named("here", `blocked: ${device}`, { device }));
    call.on("unblocked", ({ device }) => this.#named("here", `unblocked: ${device}`, { device }));
    call.on("overflow", (overflow) => this.#named("here", "overflow", { ...overflow }));
  }

  #event(direction: Direction, event: JsonObject): void {
    const type = stringAt(event, "type") ?? "?";
    if (STEADY.has(type)) {
      const run = this.#run(`${direction}/${type}`, direction, type);
      this.#count(run, `${type}: ${++run.messages} ×`);
      return;
    }
    // These come in step with audio: they would cut its runs to shreds, and bury everything else.
    if (type === "playback.ack" || type.endsWith(".delta")) {
      this.#inStep(direction, type, event);
      return;
    }
    for (const [key, { steady }] of this.#runs) if (!steady) this.#runs.delete(key);
    // What such an event says is one word: it is read without opening the row.
    const word = stringAt(event, "decision") ?? stringAt(event, "verdict");
    this.#named(direction, word === null ? type : `${type}: ${word}`, event);
  }

  #inStep(direction: Direction, type: string, event: JsonObject): void {
    const run = this.#run(`${direction}/${type}/${stringAt(event, "item_id")}`, direction, type);
    run.messages++;
    const delta = stringAt(event, "delta") ?? "";
    if (run.text.length < SHOWN_CHARACTERS) run.text = (run.text + delta).slice(0, SHOWN_CHARACTERS);
    const playedMs = numberAt(event, "played_ms");
    const said = playedMs === null ? `“${run.text}”` : `${playedMs} ms`;
    this.#count(run, `${type}: ${run.messages} ×, ${said}`);
  }

  #named(direction: Direction, name: string, body: JsonObject): void {
    const row = this.#add(direction, name, () => redacted(body, 2));
    row.text = `${row.text} ${redacted(body)}`;
    if (name === "error") row.line.classList.add("error");
    row.line.hidden = !this.#matches(row);
  }

  #run(key: string, direction: Direction, name: string): Run {
    let run = this.#runs.get(key);
    if (run === undefined) {
      const row = this.#add(direction, name, null);
      run = {
        row,
        name: row.line.querySelector<HTMLElement>(".name") ?? row.line,
        steady: STEADY.has(name),
        messages: 0,
        ms: 0,
        text: "",
      };
      this.#runs.set(key, run);
    }
    return run;
  }

  #count(run: Run, name: string): void {
    run.name.textContent = name;
    run.row.text = name;
    run.row.line.hidden = !this.#matches(run.row);
  }

  #frame({ direction, header, pcm, sampleRateHz }: CallEventMap["frame"]): void {
    const run = this.#run(`${direction}/${header.stream}/${header.response}`, direction, "audio");
    run.messages++;
    run.ms += (pcm.length / sampleRateHz) * 1000;
    const tags = direction === "in" ? ` stream ${header.stream}, response ${header.response}` : "";
    this.#count(run, `audio${tags}: ${run.messages} × binary, ${(run.ms / 1000).toFixed(2)} s`);
  }

  #add(direction: Direction, name: string, body: (() => string) | null): Row {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(2).padStart(6);
    const [sign, label] = ARROWS[direction];
    const arrow = create("span", "arrow", sign);
    arrow.role = "img";
    arrow.ariaLabel = label;
    const parts = [create("time", "", seconds), arrow, create("span", "name", name)];
    const line = create("li", direction);
    if (body === null) {
      const plain = create("div", "plain", ...parts);
      line.append(plain);
    } else {
      const details = create("details", "", create("summary", "", ...parts));
      details.addEventListener("toggle", () => details.append(create("pre", "", body())), { once: true });
      line.append(details);
    }
    const row: Row = { line, text: `${direction} ${name}` };
    this.#rows.push(row);
    appendFollowing(this.#list, () => this.#list.append(line));
    if (this.#rows.length > MAX_ROWS) this.#rows.shift()?.line.remove();
    return row;
  }

  #matches(row: Row): boolean {
    const wanted = this.#filter.value.trim().toLowerCase();
    return wanted === "" || row.text.toLowerCase().includes(wanted);
  }

  async #copyRows(): Promise<void> {
    const lines = this.#rows.filter((row) => !row.line.hidden).map((row) => row.text);
    try {
      await navigator.clipboard.writeText(lines.join("\n"));
      this.#copy.textContent = "Copied";
    } catch {
      this.#copy.textContent = "Not allowed";
    }
    setTimeout(() => (this.#copy.textContent = "Copy"), 1500);
  }
}
