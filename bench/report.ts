/**
 * Pictures of benchmark figures: one SVG of stacked panels (bars, lines, tables), readable on light and on dark
 * pages, without fonts or scripts of its own.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export interface Series {
  readonly name: string;
  /** Pairs of x and y, ascending in x. */
  readonly points: readonly (readonly [number, number])[];
}

export type Panel =
  | {
      readonly kind: "bars";
      readonly title: string;
      readonly unit: string;
      /** Names of the bars within a group, in order. */
      readonly bars: readonly string[];
      /** One value per bar; null leaves a gap. */
      readonly groups: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
    }
  | {
      readonly kind: "lines";
      readonly title: string;
      readonly xLabel: string;
      readonly yLabel: string;
      readonly series: readonly Series[];
      /** Fixed ends of the axes; else from the data, y from zero. */
      readonly x?: readonly [number, number];
      readonly y?: readonly [number, number];
    }
  | {
      readonly kind: "points";
      readonly title: string;
      readonly xLabel: string;
      readonly yLabel: string;
      readonly x: readonly [number, number];
      readonly y: readonly [number, number];
      /** `own`: the one that the picture is about. */
      readonly points: readonly {
        readonly name: string;
        readonly x: number;
        readonly y: number;
        readonly own?: boolean;
      }[];
    }
  | {
      readonly kind: "table";
      readonly title: string;
      readonly head: readonly string[];
      readonly rows: readonly (readonly (string | number)[])[];
    };

export interface Picture {
  readonly title: string;
  readonly subtitle?: string;
  readonly panels: readonly Panel[];
}

const WIDTH = 880;
const MARGIN = 28;
const ROW = 24;
const PLOT = 240;
/** Okabe and Ito's palette without its yellow: told apart by the colour-blind, and visible on white and on black. */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c8c8c"];

const STYLE = `
  svg { background: #ffffff; color: #1f2328 }
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: currentColor }
  .title { font-size: 18px; font-weight: 600 } .panel { font-size: 14px; font-weight: 600 }
  .soft { opacity: .7 } .end { text-anchor: end } .middle { text-anchor: middle }
  .rule { stroke: currentColor; opacity: .18 } .line { fill: none; stroke-width: 2 }
  @media (prefers-color-scheme: dark) { svg { background: #0d1117; color: #e6edf3 } }`;

/** Writes `bench/results/<name>.svg`. */
export async function writePicture(name: string, picture: Picture): Promise<void> {
  await writeResult(`${name}.svg`, draw(picture));
}

/** Writes a file under bench/results. */
export async function writeResult(name: string, contents: string): Promise<void> {
  const directory = fileURLToPath(new URL("results/", import.meta.url));
  await mkdir(directory, { recursive: true });
  await writeFile(directory + name, contents);
}

/** The SVG's text. */
export function draw(picture: Picture): string {
  let y = 40;
  const parts = [`<text x="${MARGIN}" y="${y}" class="title">${escape(picture.title)}</text>`];
  if (picture.subtitle !== undefined) {
    y += 22;
    parts.push(`<text x="${MARGIN}" y="${y}" class="soft">${escape(picture.subtitle)}</text>`);
  }
  for (const panel of picture.panels) {
    y += 40;
    parts.push(`<text x="${MARGIN}" y="${y}" class="panel">${escape(panel.title)}</text>`);
    const drawn = drawPanel(panel, y + 16);
    parts.push(drawn.svg);
    y = drawn.bottom;
  }
  const height = Math.ceil(y + MARGIN);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(picture.title)}">
<style>${STYLE}</style>
${parts.join("\n")}
</svg>
`;
}

function drawPanel(panel: Panel, top: number): { svg: string; bottom: number } {
  if (panel.kind === "bars") return drawBars(panel, top);
  if (panel.kind === "lines") return drawLines(panel, top);
  if (panel.kind === "points") return drawPoints(panel, top);
  return drawTable(panel, top);
}

function drawBars(panel: Extract<Panel, { kind: "bars" }>, top: number): { svg: string; bottom: number } {
  const left = 220;
  const bar = 15;
  const most = Math.max(1e-9, ...panel.groups.flatMap((group) => group.values.map((value) => value ?? 0)));
  const parts = [legend(panel.bars, top)];
  let y = top + 30;
  for (const group of panel.groups) {
    const middle = y + (group.values.length * bar) / 2 + 4;
    parts.push(`<text x="${left - 12}" y="${middle}" class="end">${escape(group.label)}</text>`);
    group.values.forEach((value, i) => {
      const width = ((value ?? 0) / most) * (WIDTH - left - 120);
      const label = value === null ? "–" : `${round(value)} ${escape(panel.unit)}`;
      parts.push(
        `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${bar - 3}" fill="${colour(i)}"/>`,
      );
      parts.push(
        `<text x="${(left + width + 6).toFixed(1)}" y="${y + bar - 5}" style="font-size:11px">${label}</text>`,
      );
      y += bar;
    });
    y += 12;
  }
  return { svg: parts.join("\n"), bottom: y };
}

function drawLines(panel: Extract<Panel, { kind: "lines" }>, top: number): { svg: string; bottom: number } {
  const points = panel.series.flatMap((series) => series.points);
  const [x0, x1] = panel.x ?? [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const [y0, y1] = panel.y ?? [0, Math.max(1e-9, ...points.map(([, y]) => y)) * 1.05];
  const left = 76;
  const right = WIDTH - MARGIN;
  const plotTop = top + 44;
  const bottom = plotTop + PLOT;
  const px = (x: number): string => (left + ((x - x0) / (x1 - x0 || 1)) * (right - left)).toFixed(1);
  const py = (y: number): string => (bottom - ((y - y0) / (y1 - y0 || 1)) * PLOT).toFixed(1);
  const parts = [
    legend(
      panel.series.map((series) => series.name),
      top,
    ),
  ];
  for (const y of ticks(y0, y1)) {
    parts.push(`<line x1="${left}" x2="${right}" y1="${py(y)}" y2="${py(y)}" class="rule"/>`);
    parts.push(`<text x="${left - 8}" y="${Number(py(y)) + 4}" class="end">${round(y)}</text>`);
  }
  for (const x of ticks(x0, x1))
    parts.push(`<text x="${px(x)}" y="${bottom + 18}" class="middle">${round(x)}</text>`);
  panel.series.forEach((series, i) => {
    const path = series.points.map(([x, y]) => `${px(x)},${py(y)}`).join(" ");
    parts.push(`<polyline class="line" stroke="${colour(i)}" points="${path}"/>`);
    if (series.points.length > 24) return;
    for (const [x, y] of series.points)
      parts.push(`<circle cx="${px(x)}" cy="${py(y)}" r="3.5" fill="${colour(i)}"/>`);
  });
  const middle = (left + right) / 2;
  parts.push(`<text x="${middle}" y="${bottom + 38}" class="middle soft">${escape(panel.xLabel)}</text>`);
  parts.push(`<text x="${MARGIN}" y="${plotTop - 8}" class="soft">${escape(panel.yLabel)}</text>`);
  return { svg: parts.join("\n"), bottom: bottom + 44 };
}

function drawPoints(panel: Extract<Panel, { kind: "points" }>, top: number): { svg: string; bottom: number } {
  const left = 76;
  const right = WIDTH - 240;
  const plotTop = top + 30;
  const bottom = plotTop + 2 * PLOT;
  const [[x0, x1], [y0, y1]] = [panel.x, panel.y];
  const px = (x: number): number => left + ((x - x0) / (x1 - x0)) * (right - left);
  const py = (y: number): number => bottom - ((y - y0) / (y1 - y0)) * (bottom - plotTop);
  const parts = ticks(y0, y1).map((y) => {
    const line = `<line x1="${left}" x2="${right}" y1="${py(y)}" y2="${py(y)}" class="rule"/>`;
    return `${line}<text x="${left - 8}" y="${py(y) + 4}" class="end">${round(y)}</text>`;
  });
  for (const x of ticks(x0, x1))
    parts.push(`<text x="${px(x)}" y="${bottom + 18}" class="middle">${round(x)}</text>`);
  // Names stand beside their points, none on another.
  let free = -Infinity;
  for (const { name, x, y, own } of panel.points.toSorted((a, b) => b.y - a.y)) {
    const label = Math.max(py(y) + 4, free);
    free = label + 15;
    const fill = colour(own ? 3 : 0);
    const [cx, cy] = [px(x).toFixed(1), py(y).toFixed(1)];
    parts.push(`<circle cx="${cx}" cy="${cy}" r="${own ? 7 : 4.5}" fill="${fill}"/>`);
    parts.push(`<line x1="${cx}" y1="${cy}" x2="${right + 10}" y2="${label - 4}" class="rule"/>`);
    parts.push(`<text x="${right + 14}" y="${label}"${own ? ' class="panel"' : ""}>${escape(name)}</text>`);
  }
  parts.push(
    `<text x="${(left + right) / 2}" y="${bottom + 38}" class="middle soft">${escape(panel.xLabel)}</text>`,
  );
  parts.push(`<text x="${MARGIN}" y="${plotTop - 10}" class="soft">${escape(panel.yLabel)}</text>`);
  return { svg: parts.join("\n"), bottom: Math.max(bottom + 44, free) };
}

function drawTable(panel: Extract<Panel, { kind: "table" }>, top: number): { svg: string; bottom: number } {
  const columns = panel.head.length;
  const first = Math.min(320, Math.max(180, ...panel.rows.map((row) => String(row[0] ?? "").length * 7.4)));
  const rest = columns > 1 ? (WIDTH - 2 * MARGIN - first) / (columns - 1) : 0;
  const cell = (value: string | number, column: number, y: number, soft: boolean): string => {
    const text = escape(typeof value === "number" ? round(value) : value);
    const classes = `${column === 0 ? "" : "end"}${soft ? " soft" : ""}`.trim();
    const x = column === 0 ? MARGIN : MARGIN + first + column * rest;
    return `<text x="${x.toFixed(1)}" y="${y}" class="${classes}">${text}</text>`;
  };
  let y = top + 14;
  const parts = panel.head.map((name, column) => cell(name, column, y, true));
  for (const row of panel.rows) {
    parts.push(`<line x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${y + 7}" y2="${y + 7}" class="rule"/>`);
    y += ROW;
    parts.push(...row.map((value, column) => cell(value, column, y, false)));
  }
  return { svg: parts.join("\n"), bottom: y + 10 };
}

function legend(names: readonly string[], top: number): string {
  let x = MARGIN;
  return names
    .map((name, i) => {
      const item = `<rect x="${x}" y="${top}" width="12" height="12" fill="${colour(i)}"/><text x="${x + 18}" y="${top + 11}">${escape(name)}</text>`;
      x += 40 + name.length * 7.2;
      return item;
    })
    .join("");
}

/** Four to nine round numbers between the ends. */
function ticks(from: number, to: number): number[] {
  const raw = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(raw > 0 ? raw : 1));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  const found: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to + step * 1e-9; i++) found.push(i * step);
  return found;
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length] ?? "#8c8c8c";
}

/** Three significant digits, and no exponent for the sizes that occur. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A Markdown table, for documents and terminals. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell) => (typeof cell === "number" ? round(cell) : cell)).join(" | ")} |`;
  return [
    line(head),
    `|${head.map((_, i) => (i === 0 ? "---|" : "---:|")).join("")}`,
    ...rows.map(line),
  ].join("\n");
}
