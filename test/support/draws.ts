/**
 * Properties draw the same values in every run, so that a test that fails says something about the change at hand.
 * `DRAW=N npm test` draws others; the fuzzer, the simulator and the oracle are the machines that look for new ones.
 */
import * as fc from "fast-check";

const drawn = typeof process === "undefined" ? undefined : process.env["DRAW"];
fc.configureGlobal({ seed: drawn === undefined ? 20_261_129 : Number(drawn) });
