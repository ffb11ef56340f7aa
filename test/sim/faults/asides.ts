/** The relay plays sounds of its own (scenario: `test/sim/asides.ts`). */
import { BACKCHANNELS, FILLERS, SAY, saying } from "../asides.ts";
import { sentence, SPEECH } from "../voices.ts";
import { hasProvider, isDuplex, type Fault } from "./fault.ts";

export const ASIDE_FAULTS: readonly Fault[] = [
  {
    name: FILLERS,
    onlyNamed: true,
    fits: (scenario) => isDuplex(scenario) && !scenario.converted && hasProvider(scenario),
    arm() {},
  },
  {
    name: BACKCHANNELS,
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
  {
    name: SPEECH,
    onlyNamed: true,
    fits: (scenario) => isDuplex(scenario) && !scenario.converted && hasProvider(scenario),
    // Said by the application, and by the client.
    arm(call, random) {
      for (let number = random.int(2, 6); number > 0; number -= 1) {
        const event = sentence(random, number);
        const client = random.chance(0.3);
        const say = (): void => {
          if (client) call.client.line.send(event);
          else if (call.relay.observerSays(JSON.stringify(event))) call.announced.asked(`word${number}`);
        };
        // Whoever hangs up is told nothing more.
        call.sometime(random, say, 700, 5000);
      }
    },
  },
];
