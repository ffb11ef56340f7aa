/** The relay plays sounds of its own (scenario: `test/sim/asides.ts`). */
import { FILLERS, SAY, saying } from "../asides.ts";
import { hasProvider, isDuplex, type Fault } from "./fault.ts";

export const ASIDE_FAULTS: readonly Fault[] = [
  {
    name: FILLERS,
    onlyNamed: true,
    fits: (scenario) => isDuplex(scenario) && !scenario.converted && hasProvider(scenario),
    arm() {},
  },
  {
    name: SAY,
    onlyNamed: true,
    fits: (scenario) => isDuplex(scenario) && !scenario.converted && hasProvider(scenario),
    arm(call, random) {
      for (let number = random.int(1, 4); number > 0; number -= 1) {
        const event = saying(random, number);
        call.sometime(random, () => {
          if (call.relay.observerSays(JSON.stringify(event))) call.announced.asked(`say${number}`);
        });
      }
    },
  },
];
