/** The last ten seconds on a canvas: microphone with the relay's speech marks above, answers below. */
import type { Call } from "../index.ts";
import { element, peakOf } from "./elements.ts";
import { Track } from "./track.ts";

const WINDOW_MS = 10_000;
/** What a report of the player covers. */
const LEVEL_MS = 20;

interface Speech {
  readonly from: number;
  to: number | null;
}

interface Colours {
  readonly you: string;
  readonly answer: string;
  readonly speech: string;
  readonly line: string;
  readonly soft: string;
}

export class Scope {
  readonly #canvas = element("scope", HTMLCanvasElement);
  readonly #levelIn = element("level-in", HTMLMeterElement);
  readonly #levelOut = element("level-out", HTMLMeterElement);
  readonly #input = new Track();
  readonly #output = new Track();
  #speech: Speech[] = [];
  /** When the first audio of each answer came. */
  #marks: number[] = [];
  #drawing = false;
  #colours: Colours;

  constructor() {
    this.#colours = coloursOf(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colours = coloursOf(this.#canvas);
      this.#draw(performance.now());
    });
    new ResizeObserver(() => this.#draw(performance.now())).observe(this.#canvas);
  }

  follow(call: Call): void {
    this.#input.clear();
    this.#output.clear();
    this.#speech = [];
    this.#marks = [];
    call.on("frame", ({ direction, pcm, sampleRateHz }) => {
      if (direction === "out")
        this.#input.add((pcm.length / sampleRateHz) * 1000, peakOf(pcm), performance.now());
    });
    call.on("level", ({ peak }) => this.#output.add(LEVEL_MS, peak, performance.now()));
    call.on("speech", ({ state, audioMs }) => {
      // The relay counts audio it was sent, the canvas counts time: the newest audio stands where it is drawn.
      const at = (this.#input.endsAt ?? performance.now()) - Math.max(0, call.sentAudioMs - audioMs);
      const open = this.#speech.at(-1);
      if (state === "started") this.#speech.push({ from: at, to: null });
      else if (open?.to === null) open.to = at;
    });
    // A turn that was thrown away ends without a word.
    call.on("deleted", () => {
      const open = this.#speech.at(-1);
      if (open?.to === null) open.to = performance.now();
    });
    call.on("state", ({ state }) => {
      if (state === "closed") this.#drawing = false;
      else this.#start();
    });
    this.#start();
  }

  /** The first audio of an answer came. */
  mark(): void {
    this.#marks.push(performance.now());
  }

  #start(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    const frame = (): void => {
      this.#draw(performance.now());
      if (this.#drawing) requestAnimationFrame(frame);
      else this.#levels(Infinity);
    };
    requestAnimationFrame(frame);
  }

  #levels(now: number): void {
    this.#levelIn.value = this.#input.level(now);
    this.#levelOut.value = this.#output.level(now);
  }

  #draw(now: number): void {
    const from = now - WINDOW_MS;
    this.#input.forget(from);
    this.#output.forget(from);
    this.#speech = this.#speech.filter(({ to }) => to === null || to > from);
    this.#marks = this.#marks.filter((at) => at > from);
    this.#levels(now);

    const scale = devicePixelRatio || 1;
    const width = this.#canvas.clientWidth;
    const height = this.#canvas.clientHeight;
    if (this.#canvas.width !== Math.round(width * scale)) this.#canvas.width = Math.round(width * scale);
    if (this.#canvas.height !== Math.round(height * scale)) this.#canvas.height = Math.round(height * scale);
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#paint(context, width, height, (at) => ((at - from) / WINDOW_MS) * width, now);
  }

  #paint(
    context: CanvasRenderingContext2D,
    width: number,
    height: number,
    x: (at: number) => number,
    now: number,
  ): void {
    const colours = this.#colours;
    const middle = height / 2;
    context.fillStyle = colours.speech;
    for (const { from, to } of this.#speech) {
      const left = Math.max(0, x(from));
      context.fillRect(left, 0, x(to ?? now) - left, middle);
    }
    context.fillStyle = colours.line;
    for (const y of [middle / 2, middle, middle * 1.5]) context.fillRect(0, Math.round(y), width, 1);
    for (let second = 1; second < WINDOW_MS / 1000; second++) {
      context.fillRect(Math.round((second * 1000 * width) / WINDOW_MS), middle - 3, 1, 6);
    }
    this.#wave(context, this.#input, colours.you, middle / 2, middle, x);
    this.#wave(context, this.#output, colours.answer, middle * 1.5, middle, x);
    context.fillStyle = colours.soft;
    for (const at of this.#marks) context.fillRect(Math.round(x(at)), middle + 4, 1.5, middle - 4);
  }

  #wave(
    context: CanvasRenderingContext2D,
    track: Track,
    colour: string,
    y: number,
    height: number,
    x: (at: number) => number,
  ): void {
    context.fillStyle = colour;
    for (const { at, ms, peak } of track.columns) {
      // Square root, so that quiet speech is seen as it is heard.
      const half = Math.max(0.5, Math.sqrt(peak) * (height / 2 - 4));
      const left = x(at - ms);
      context.fillRect(left, y - half, Math.max(1, x(at) - left), half * 2);
    }
  }
}

/** The canvas has no custom properties: each colour is resolved once, by wearing it. */
function coloursOf(canvas: HTMLCanvasElement): Colours {
  const colour = (name: string): string => {
    canvas.style.color = `var(--${name})`;
    return getComputedStyle(canvas).color;
  };
  return {
    you: colour("you"),
    answer: colour("answer"),
    speech: colour("speech"),
    line: colour("line"),
    soft: colour("soft"),
  };
}
