/** The parent's side of a provider in a process of its own. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { realtimeUrl } from "./provider.ts";
import type { VoiceScript } from "./voice.ts";

const SOURCE = fileURLToPath(new URL("provider-process.ts", import.meta.url));

export class ProviderChild {
  readonly #who: number;
  #child: ChildProcess | null = null;
  #port = 0;

  constructor(who: number) {
    this.#who = who;
  }

  /** Starts it, on the port that it had before. */
  async start(): Promise<this> {
    const child = fork(SOURCE, [String(this.#who), String(this.#port)]);
    this.#child = child;
    const [port] = await once(child, "message");
    this.#port = Number(port);
    return this;
  }

  get url(): string {
    return realtimeUrl(this.#port);
  }

  async expect(name: string, script: VoiceScript): Promise<void> {
    const child = this.#running();
    const taken = once(child, "message");
    child.send({ name, script });
    await taken;
  }

  #running(): ChildProcess {
    if (this.#child === null) throw new Error("the provider's process was not started");
    return this.#child;
  }

  /** No goodbye: the kernel resets its sockets. */
  async kill(): Promise<void> {
    const child = this.#running();
    this.#child = null;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    if (this.#child !== null) await this.kill();
  }
}
