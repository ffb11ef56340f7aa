/** Listeners whose loudspeaker, or its account of itself, is not what the relay expects. */
import type { SimulatedCall } from "../call.ts";
import type { Random } from "../random.ts";
import { hasProvider, isDuplex, type Fault } from "./fault.ts";

const heard = (name: string, arm: (call: SimulatedCall, random: Random) => void, duplex: boolean): Fault => ({
  name,
  fits: (scenario) => hasProvider(scenario) && isDuplex(scenario) === duplex,
  arm,
});

export const CLIENT_PLAYBACK_FAULTS: readonly Fault[] = [
  heard(
    "client.late_acks",
    (call, random) => {
      call.unsteady = true;
      call.client.habits.acknowledgeEveryMs = random.between(800, 4000);
      call.checks.strike("client.late_acks");
    },
    true,
  ),
  heard(
    "client.stops_acks",
    (call, random) => {
      call.unsteady = true;
      call.sometime(random, () => {
        call.client.habits.acknowledges = false;
        call.checks.strike("client.stops_acks");
      });
    },
    true,
  ),
  // The loudspeaker stands still, and says so.
  heard(
    "client.player_stalls",
    (call, random) => {
      let left = 2;
      const look = (): void => {
        if (call.client.over || left === 0) return;
        if (call.client.agentAudible && random.chance(0.15)) {
          left -= 1;
          // Who says nothing of it leaves the relay to believe that it plays.
          call.unsteady ||= !call.client.habits.acknowledges;
          call.client.player.stall(random.between(400, 3000));
          call.checks.strike("client.player_stalls");
        }
        call.time.after(100, look);
      };
      call.time.after(500, look);
    },
    true,
  ),
  heard(
    "client.never_truncates",
    (call) => {
      call.client.habits.truncates = false;
      call.checks.strike("client.never_truncates");
    },
    false,
  ),
];
