/** The raw events of the call, both ways, with filter and copy. Runs of binary audio are one row. */
import type { Call, CallEventMap } from "../index.ts";
import { stringAt, type JsonObject } from "../json.ts";
import { appendFollowing, create, element } from "./elements.ts";

/** Rows kept: an hour of talk is more than anyone scrolls. */
const MAX_ROWS = 1000;

interface Row {
  readonly line: HTMLLIElement;
  /** What the filter searches and the copy gives. */
  text: string;
}

interface AudioRun {
  readonly row: Row;
  readonly name: HTMLElement;
  readonly key: string;
  messages: number;
  ms: number;
}

export class EventLog {
  readonly #list = element("events", HTMLOListElement);
  readonly #filter = element("filter", HTMLInputElement);
  readonly #copy = element("copy", HTMLButtonElement);
  #rows: Row[] = [];
  readonly #runs = new Map<string, AudioRun>();
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
  }

  #event(direction: "in" | "out", event: JsonObject): void {
    const type = stringAt(event, "type") ?? "?";
    // These come in step with audio and would cut its runs to shreds.
    if (type !== "playback.ack" && !type.endsWith(".delta")) this.#runs.clear();
    const row = this.#add(direction, type, () => JSON.stringify(event, null, 2));
    row.text = `${row.text} ${JSON.stringify(event)}`;
    if (type === "error") row.line.classList.add("error");
    row.line.hidden = !this.#matches(row);
  }

  #frame({ direction, header, pcm }: CallEventMap["frame"]): void {
    const key = `${direction}/${header.stream}/${header.response}`;
    let run = this.#runs.get(key);
    if (run === undefined) {
      const row = this.#add(direction, "audio", null);
      const name = row.line.querySelector<HTMLElement>(".name") ?? row.line;
      run = { row, name, key, messages: 0, ms: 0 };
      this.#runs.set(key, run);
    }
    run.messages++;
    run.ms += pcm.length / 24;
    const tags = direction === "in" ? ` stream ${header.stream}, response ${header.response}` : "";
    run.name.textContent = `audio${tags}: ${run.messages} × binary, ${(run.ms / 1000).toFixed(2)} s`;
    run.row.text = `${direction} ${run.name.textContent}`;
    run.row.line.hidden = !this.#matches(run.row);
  }

  #add(direction: "in" | "out", name: string, body: (() => string) | null): Row {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(2).padStart(6);
    const arrow = create("span", "arrow", direction === "in" ? "◂" : "▸");
    arrow.ariaLabel = direction === "in" ? "received" : "sent";
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
