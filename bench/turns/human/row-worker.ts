/** Plays the calls of one split in a thread of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { humanRows, type HumanOptions } from "./run.ts";

const options: HumanOptions = workerData;
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(humanRows(options));
