/** Clients that freeze, send in lumps, come back late, or come twice. */
import { hasProvider, isDuplex, type Fault } from "./fault.ts";

export const CLIENT_SENDING_FAULTS: readonly Fault[] = [
  {
    // Nothing leaves the application for a while; then all of it at once.
    name: "client.freezes",
    arm(call, random) {
      call.unsteady = true;
      for (let left = random.int(1, 2); left > 0; left -= 1) {
        call.sometime(random, () => {
          call.client.freeze(random.between(500, 4000));
          call.checks.strike("client.freezes");
        });
      }
    },
  },
  {
    name: "client.seconds_at_once",
    arm(call, random) {
      call.unsteady = true;
      call.client.habits.burstMs = random.between(1500, 6000);
      call.checks.strike("client.seconds_at_once");
    },
  },
  {
    // The connection is there again, and what it is for is said only later.
    name: "client.resumes_late",
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      call.client.line.resumeAfterMs = () => random.between(300, 5500);
      call.sometime(random, () => {
        call.checks.strike("client.resumes_late");
        call.client.line.connection?.cut();
      });
    },
  },
  {
    // A dial that its client gave up: it arrives, says nothing or too late what it was to say, and lives on.
    name: "client.second_connection",
    fits: isDuplex,
    needsResume: true,
    arm(call, random) {
      for (let left = random.int(1, 3); left > 0; left -= 1) {
        call.sometime(random, () => {
          const saying = random.pick(["nothing", "a token that was never given", "nonsense"] as const);
          if (call.client.line.dialBeside(saying)) call.checks.strike("client.second_connection");
        });
      }
    },
  },
  {
    // The page is loaded again, or another application takes the call over: it speaks the other dialect, perhaps.
    name: "client.begins_anew",
    fits: (scenario) => isDuplex(scenario) && !scenario.manual && !scenario.tools,
    needsResume: true,
    arm(call, random) {
      call.unsteady = true;
      for (let left = random.int(1, 2); left > 0; left -= 1) {
        call.sometime(random, () => {
          if (call.client.line.connection === null) return;
          call.checks.strike("client.begins_anew");
          call.client.beginAnew(random.pick(["duplex.v1", "duplex.v1", "realtime"] as const));
        });
      }
    },
  },
  {
    // What a gap left goes up at once, and the connection breaks before all of it was worked through (SPEC M90).
    name: "client.drops_after_upload",
    fits: isDuplex,
    needsResume: true,
    onlyNamed: true,
    arm(call, random) {
      const { client, time, scenario } = call;
      call.unsteady = true;
      client.habits.slice = () => random.int(300, 30_000);
      for (let left = random.int(1, 3); left > 0; left -= 1) {
        call.sometime(random, () => {
          const ms = random.between(1500, 5000);
          client.freeze(ms);
          time.after(ms + scenario.clientQuality.delayMs + random.between(0, 100), () => {
            if (client.over || client.line.connection === null) return;
            call.checks.strike("client.drops_after_upload");
            if (call.relay.session?.busy === true) call.checks.count("dropped in the middle of an upload");
            client.line.connection.cut();
          });
        });
      }
    },
  },
  {
    // A dead tab: no close is seen, and nobody ever comes back.
    name: "client.vanishes",
    fits: hasProvider,
    arm(call, random) {
      call.sometime(
        random,
        () => {
          call.checks.strike("client.vanishes");
          call.client.line.vanish();
        },
        2000,
        12_000,
      );
    },
  },
];
