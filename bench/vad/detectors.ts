/** The detectors that are compared, behind one face. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { SpeechDetector } from "../../src/audio/vad/detector.ts";
import { createEnergyDetector, createSileroDetector } from "../../src/audio/vad/index.ts";
import type { SileroOptions } from "../../src/audio/vad/silero.ts";
import { loadKernels } from "../../test/support/kernels.ts";
import { ONNX_URL } from "../../tools/build/silero/network.ts";
import { lastOf, type Rule, type Track } from "./score.ts";

export interface Candidate {
  readonly name: string;
  readonly rule: Rule;
  /** A fresh stream each time. 16 kHz. */
  track(pcm: Int16Array): Promise<Heard>;
}

export interface Heard {
  /** What decisions are made from. */
  readonly hops: Track;
  /** What `npm run vad` reports, one value per step of the network, and what AUC is taken of. */
  readonly frames: Track;
}

const HANG_MS = 240;
const CHUNK = 320;

function heard(hops: Track): Heard {
  const perStep = Math.max(1, Math.floor(32 / hops.hopMs));
  return { hops, frames: lastOf(hops, perStep) };
}

function ruleOf({ start, stop }: { readonly start: number; readonly stop: number }): Rule {
  return { start, stop, hangMs: HANG_MS };
}

/** Any detector of the project, fed 20 ms at a time as a session does. */
function ours(name: string, create: () => SpeechDetector): Candidate {
  return {
    name,
    rule: ruleOf(create().thresholds),
    track: (pcm) => {
      const detector = create();
      const probabilities = new Float32Array(Math.floor(pcm.length / detector.hopSamples));
      let hops = 0;
      const take = (probability: number): void => {
        probabilities[hops++] = probability;
      };
      for (let at = 0; at < pcm.length; at += CHUNK) detector.push(pcm.subarray(at, at + CHUNK), take);
      return Promise.resolve(heard({ hopMs: detector.hopSamples / 16, probabilities }));
    },
  };
}

/** The relay's detector. */
export function relayDetector(name = "relay", options: SileroOptions = {}): Candidate {
  const { silero } = loadKernels();
  if (silero === null) throw new Error("wasm/build/silero.wasm is missing: npm run build");
  return ours(name, () => createSileroDetector(silero, options));
}

export function energyDetector(): Candidate {
  return ours("energy", createEnergyDetector);
}

// ---- Silero v6 by ONNX Runtime

interface OrtTensor {
  readonly data: Float32Array;
}

interface Ort {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: number[]) => OrtTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
    }>;
  };
}

/** The reference of all figures: the unchanged network in onnxruntime-web, one thread. */
export async function onnxruntimeWeb(): Promise<Candidate> {
  const ort: Ort | null = await baseline("onnxruntime-web");
  if (ort === null) throw new Error("onnxruntime-web, the reference of all figures, could not be installed");
  ort.env.wasm.numThreads = 1;
  return silero("onnxruntime-web", ort, { executionProviders: ["wasm"] });
}

export async function onnxruntimeNode(): Promise<Candidate | null> {
  const ort: Ort | null = await baseline("onnxruntime-node");
  const options = { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1 };
  return ort === null ? null : silero("onnxruntime-node", ort, options);
}

async function silero(name: string, ort: Ort, options: object): Promise<Candidate> {
  const session = await ort.InferenceSession.create(readFileSync(ONNX_URL), options);
  const sr = new ort.Tensor("int64", BigInt64Array.of(16000n), []);
  return {
    name,
    rule: { start: 0.9, stop: 0.75, hangMs: HANG_MS },
    track: async (pcm) => {
      const probabilities = new Float32Array(Math.floor(pcm.length / 512));
      const window = new Float32Array(576);
      let state = new ort.Tensor("float32", new Float32Array(256), [2, 1, 128]);
      for (let hop = 0; hop < probabilities.length; hop++) {
        window.copyWithin(0, 512);
        for (let i = 0; i < 512; i++) window[64 + i] = (pcm[hop * 512 + i] ?? 0) / 32768;
        const input = new ort.Tensor("float32", window.slice(), [1, 576]);
        const { output, stateN } = await session.run({ input, state, sr });
        if (output === undefined || stateN === undefined) throw new Error(`${name}: no output`);
        probabilities[hop] = output.data[0] ?? NaN;
        state = stateN;
      }
      return heard({ hopMs: 32, probabilities });
    },
  };
}

// ---- WebRTC's detector

interface Fvad {
  readonly HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _fvad_new(): number;
  _fvad_free(handle: number): void;
  _fvad_set_mode(handle: number, mode: number): number;
  _fvad_set_sample_rate(handle: number, rateHz: number): number;
  _fvad_process(handle: number, address: number, samples: number): number;
}

/** Mode 3, the strictest; 20 ms frames; its verdict is yes or no. */
export async function webrtc(): Promise<Candidate | null> {
  const load: { default: () => Promise<Fvad> } | null = await baseline("@echogarden/fvad-wasm");
  if (load === null) return null;
  const fvad = await load.default();
  const address = fvad._malloc(CHUNK * 2);
  return {
    name: "webrtc",
    rule: { start: 0.5, stop: 0.5, hangMs: HANG_MS },
    track: (pcm) => {
      const handle = fvad._fvad_new();
      fvad._fvad_set_mode(handle, 3);
      fvad._fvad_set_sample_rate(handle, 16000);
      const probabilities = Float32Array.from({ length: Math.floor(pcm.length / CHUNK) }, (_, hop) => {
        fvad.HEAP16.set(pcm.subarray(hop * CHUNK, (hop + 1) * CHUNK), address >> 1);
        return fvad._fvad_process(handle, address, CHUNK) === 1 ? 1 : 0;
      });
      fvad._fvad_free(handle);
      return Promise.resolve(heard({ hopMs: 20, probabilities }));
    },
  };
}

// ---- baselines that are not installed with the project

const BENCH = new URL("../", import.meta.url);

/** Installs bench/package.json on first use; null, with a line on stderr, where that is impossible. */
async function baseline<T>(name: string): Promise<T | null> {
  if (!existsSync(new URL(`node_modules/${name}/package.json`, BENCH))) {
    process.stderr.write("installing the baselines of bench/package.json, once (about 300 MB) …\n");
    try {
      const folder = fileURLToPath(BENCH);
      // Without CUDA, which onnxruntime-node would fetch on its own.
      const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", ONNXRUNTIME_NODE_INSTALL_CUDA: "skip" };
      execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--prefix", folder], {
        env,
        cwd: folder,
        stdio: "ignore",
      });
    } catch {
      process.stderr.write(
        `${name} could not be installed: run npm --prefix bench install; going on without it\n`,
      );
      return null;
    }
  }
  const path = createRequire(new URL("package.json", BENCH)).resolve(name);
  const loaded: T = await import(path);
  return loaded;
}
