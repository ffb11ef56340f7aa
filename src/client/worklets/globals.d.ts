/** The scope of an audio worklet, which TypeScript's DOM library leaves out (Web Audio API §1.32). */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
  process(
    inputs: readonly (readonly Float32Array[])[],
    outputs: readonly (readonly Float32Array[])[],
    parameters: Readonly<Record<string, Float32Array>>,
  ): boolean;
}
declare const sampleRate: number;
declare function registerProcessor(
  name: string,
  processor: new (options: { readonly processorOptions?: unknown }) => AudioWorkletProcessor,
): void;
