/** The relay runs a tool that agents call, or works on what they hand on (scenarios: `test/sim/tools.ts`, `test/sim/minds.ts`). */
import { BACKGROUND_MIND } from "../minds.ts";
import { TOOL_CONFIRM, TOOL_WEBHOOK } from "../tools.ts";
import { type Fault, isDuplex } from "./fault.ts";

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
  {
    name: BACKGROUND_MIND,
    onlyNamed: true,
    fits: ({ upstreams }) => upstreams.every(({ kind }) => kind !== "echo"),
    // Its application calls tasks off, under way or over, and some that are none.
    arm(call, random) {
      if (!isDuplex(call.scenario)) return;
      for (let n = 0; n < 3; n += 1)
        call.sometime(random, () => {
          const id = call.minds.some ?? "item_none";
          if (random.chance(0.6))
            call.client.line.send({ type: "relay.delegation.cancel", delegation_id: id });
        });
    },
  },
];
