/** The relay runs a tool that agents call (scenario: `test/sim/tools.ts`). */
import { TOOL_CONFIRM, TOOL_WEBHOOK } from "../tools.ts";
import type { Fault } from "./fault.ts";

export const TOOL_FAULTS: readonly Fault[] = [
  {
    name: TOOL_WEBHOOK,
    onlyNamed: true,
    fits: ({ upstreams }) => upstreams.every(({ kind }) => kind !== "echo"),
    arm() {},
  },
  {
    name: TOOL_CONFIRM,
    onlyNamed: true,
    fits: ({ upstreams }) => upstreams.every(({ kind }) => kind !== "echo"),
    arm() {},
  },
];
