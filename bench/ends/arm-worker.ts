/** Plays one arm of the bench of ends in a thread of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { figuresOfArm, type Task } from "./arms.ts";

const task: Task = workerData;
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(figuresOfArm(task));
