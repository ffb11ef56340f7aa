/** What happens between the caller's application and the relay. */
import type { SimulatedCall } from "../call.ts";
import { isDuplex, type Fault } from "./fault.ts";

/** Something happens to the client's connection at some moment, perhaps more than once. */
function hit(
  name: string,
  most: number,
  strike: (call: SimulatedCall, draw: (from: number, to: number) => number) => void,
  may: (call: SimulatedCall) => boolean = () => true,
): Fault {
  return {
    name,
    arm(call, random) {
      call.unsteady = true;
      for (let left = random.int(1, most); left > 0; left -= 1) {
        call.sometime(random, () => {
          if (call.client.line.connection === null || !may(call)) return;
          strike(call, (from, to) => random.between(from, to));
          call.checks.strike(name);
        });
      }
    },
  };
}

/** A page that was loaded again may speak the plain dialect, which has no heartbeat: nobody would ever notice a hole. */
const beats = (call: SimulatedCall): boolean => call.client.line.extended;

/** For a client that can take up a lost connection. */
const resumes = (fault: Fault): Fault => ({ ...fault, fits: isDuplex, needsResume: true });

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: "network.far",
    arm(call, random) {
      call.scenario.clientQuality.delayMs = random.between(120, 300);
      call.checks.strike("network.far");
    },
  },
  {
    name: "network.jitter",
    arm(call, random) {
      call.scenario.clientQuality.jitterMs = random.between(60, 250);
      call.unsteady = true;
      call.checks.strike("network.jitter");
    },
  },
  {
    name: "network.slow_reader",
    arm(call, random) {
      // Audio alone is 32 to 48 bytes a millisecond, and 128 in the widest format, which a line has to take in time, too.
      call.unsteady = true;
      call.scenario.clientQuality.speed = random.between(60, 120) * (call.scenario.converted ? 2.5 : 1);
      call.checks.strike("network.slow_reader");
    },
  },
  hit("network.stall_up", 3, (call, draw) =>
    call.client.line.connection?.stall("far", call.time.now + draw(200, 2500)),
  ),
  hit("network.stall_down", 3, (call, draw) =>
    call.client.line.connection?.stall("near", call.time.now + draw(200, 2500)),
  ),
  resumes(hit("network.cut", 2, (call) => call.client.line.connection?.cut())),
  {
    name: "network.cut_plain",
    fits: (scenario) => !isDuplex(scenario),
    arm(call, random) {
      call.sometime(
        random,
        () => {
          call.checks.strike("network.cut_plain");
          call.client.line.connection?.cut();
        },
        3000,
        15_000,
      );
    },
  },
  resumes(
    hit(
      "network.hole",
      1,
      (call) => {
        call.client.line.connection?.blackHole("far");
        call.client.line.connection?.blackHole("near");
      },
      beats,
    ),
  ),
  resumes(hit("network.hole_up", 1, (call) => call.client.line.connection?.blackHole("far"), beats)),
  resumes(hit("network.hole_down", 1, (call) => call.client.line.connection?.blackHole("near"), beats)),
  resumes(hit("network.takeover", 2, (call) => call.client.line.takeOver())),
  {
    name: "network.long_outage",
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      call.client.line.redialMs = () => random.between(1500, 7000);
      call.sometime(random, () => {
        call.checks.strike("network.long_outage");
        call.client.line.connection?.cut();
      });
    },
  },
  {
    name: "network.repeats",
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      call.client.line.wire.repeats = random.int(1, 60);
      call.sometime(random, () => {
        call.checks.strike("network.repeats");
        call.client.line.connection?.cut();
      });
    },
  },
];
