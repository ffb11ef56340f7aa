/** What people and their applications do. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { SimulatedCall } from "../call.ts";
import type { Random } from "../random.ts";
import { ASKS_AT_ONCE, asksAtOnce } from "../wishes.ts";
import { hasProvider, isDuplex, type Fault } from "./fault.ts";

/** The application does something, a few times, at any moment. */
function acts(
  name: string,
  most: number,
  act: (call: SimulatedCall, random: Random) => boolean,
  fits?: Fault["fits"],
): Fault {
  return {
    name,
    ...(fits ? { fits } : {}),
    arm(call, random) {
      for (let left = random.int(1, most); left > 0; left -= 1) {
        call.sometime(random, () => {
          if (act(call, random)) call.checks.strike(name);
        });
      }
    },
  };
}

const SOUNDS: readonly string[] = ["caller.cough", "caller.barge_in"];

/** The same, while a sound over an agent is judged, where there are such. */
function overSounds(
  name: string,
  most: number,
  act: (call: SimulatedCall, random: Random) => boolean,
): Fault {
  return acts(name, most, (call, random) => {
    if (!SOUNDS.some((sound) => call.scenario.faults.includes(sound))) return act(call, random);
    call.when(
      () => call.checks.undisputedSince === null,
      () => {
        if (act(call, random)) call.checks.strike(name);
      },
    );
    return false;
  });
}

/** The same, as soon as an agent has been audible for a moment. */
function overAgent(name: string, act: (call: SimulatedCall, random: Random) => void): Fault {
  return {
    name,
    fits: hasProvider,
    arm(call, random) {
      let left = 2;
      const look = (): void => {
        if (call.client.over || left === 0) return;
        if (call.client.agentAudible && random.chance(0.1)) {
          left -= 1;
          act(call, random);
          call.checks.strike(name);
        }
        call.time.after(50, look);
      };
      call.time.after(500, look);
    },
  };
}

/** The same, and all answers are long, and come hardly sooner than they are heard. */
function atLength(fault: Fault): Fault {
  return {
    ...fault,
    arm(call, random) {
      fault.arm(call, random);
      for (const { onAnswer } of call.providers.values())
        onAnswer.push((performance) =>
          Object.assign(performance, { totalMs: 3500, pace: 1.2, chunkMs: 200 }),
        );
    },
  };
}

/** What the caller does to the buffer is no loss, and a commit of the client's asks for no answer. */
const says = (event: JsonObject & { readonly type: string }) => (call: SimulatedCall) => {
  call.client.line.send(event);
  call.client.name(`own ${event.type}`);
  return true;
};

const HOSTILE = [
  "",
  "{",
  "[]",
  '{"type":"session.update"}',
  '{"type":"nothing.of.the.kind"}',
  '{"type":"input_audio_buffer.append","audio":"%%%%"}',
  '{"type":"conversation.item.create","item":{"type":"message"}}',
  '{"type":"conversation.item.truncate","item_id":"x","content_index":0,"audio_end_ms":1}',
  '{"type":"conversation.item.delete","item_id":"nobody"}',
  '{"type":"playback.ack","item_id":"nobody","played_ms":1}',
];

const ASIDE = { conversation: "none", metadata: { for: "notes" } };

const BY_THE_WAY = {
  type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text: "By the way." }] },
};

/** After a turn its answer is over by then, as a rule. */
const ANSWERED_MS = 4500;

/** A provider that is missed is left within this. */
const MISSED_MS = 9000;

export const CALLER_FAULTS: readonly Fault[] = [
  overAgent("caller.barge_in", (call) => call.client.caller.interruptAfter(0)),
  {
    ...overAgent("caller.interrupts_and_waits", (call) => {
      call.client.caller.interruptAfter(0);
      call.client.caller.waitOnce(MISSED_MS);
    }),
    onlyNamed: true,
  },
  overAgent("caller.cough", (call, random) =>
    call.client.caller.cough(random.pick([20, 40, 60, 80, 200, 400])),
  ),
  overAgent("caller.cancel", (call) => {
    call.client.player.cancels();
    call.client.line.send({ type: "response.cancel" });
  }),
  {
    ...overAgent("caller.stop_playing", (call) =>
      call.client.line.send({ type: "output_audio_buffer.clear" }),
    ),
    fits: (scenario) => hasProvider(scenario) && isDuplex(scenario),
  },
  acts("caller.mute", 2, (call, random) => {
    call.unsteady = true;
    call.client.caller.mute(random.between(300, 4000));
    return true;
  }),
  acts("caller.zeros", 2, (call, random) => {
    call.client.caller.zeros(random.between(300, 4000));
    return true;
  }),
  overSounds("caller.clear", 1, says({ type: "input_audio_buffer.clear" })),
  overSounds("caller.commit", 2, says({ type: "input_audio_buffer.commit" })),
  acts("caller.create", 3, says({ type: "response.create" })),
  // Has something said aside while an agent speaks at length, which goes on in between, and talks into both.
  {
    ...atLength(
      overAgent("caller.asks_aside", (call, random) => {
        call.client.line.send({ type: "response.create", response: ASIDE });
        call.client.caller.interruptAfter(random.between(800, 2500));
      }),
    ),
    onlyNamed: true,
    fits: ({ upstreams, dialect, tools }) =>
      dialect === "duplex.v1" && !tools && upstreams.length === 1 && upstreams[0]?.profile === "openai",
  },
  // When all was answered, asks for more of one that is long in beginning, and says something in writing instead before it has.
  {
    name: "caller.thinks_better",
    onlyNamed: true,
    fits: ({ upstreams, tools }) => upstreams.every(({ kind }) => kind === "turns") && !tools,
    arm(call, random) {
      const { client, time } = call;
      client.caller.waitOnce(MISSED_MS);
      let asking = false;
      for (const { onAnswer } of call.providers.values())
        onAnswer.push((performance) => {
          if (asking) performance.thinkMs = random.between(300, 2500);
        });
      const look = (): void => {
        if (client.over) return;
        const [said] = client.caller.utterances;
        const answered = time.now - (said?.endedAt ?? Infinity) > ANSWERED_MS && !client.dialogue.busy;
        if (!answered || client.agentAudible) return void time.after(50, look);
        call.checks.strike("caller.thinks_better");
        asking = true;
        client.line.send({ type: "response.create" });
        time.after(random.between(50, 300), () => {
          client.line.send({ type: "response.cancel" });
          client.line.send(BY_THE_WAY);
          asking = false;
        });
      };
      look();
    },
  },
  {
    name: ASKS_AT_ONCE,
    onlyNamed: true,
    // Of several each would be asked.
    fits: ({ manual, tools, upstreams: [one, ...more] }) =>
      !manual && !tools && one?.kind === "turns" && one.profile === "openai" && more.length === 0,
    arm: asksAtOnce,
  },
  acts("caller.out_of_band", 2, says({ type: "response.create", response: ASIDE })),
  acts("caller.update", 3, (call, random) => {
    call.client.line.send({
      type: "session.update",
      session: { type: "realtime", instructions: `Answer ${random.int(1, 9)}.` },
    });
    return true;
  }),
  overSounds("caller.vad_off_on", 1, (call, random) => {
    if (call.scenario.manual) return false;
    const turn = (turn_detection: JsonObject | null) =>
      call.client.line.send({
        type: "session.update",
        session: { type: "realtime", audio: { input: { turn_detection } } },
      });
    turn(null);
    call.client.name("own turn detection off");
    call.time.after(random.between(100, 1500), () => {
      turn({ type: "server_vad" });
      call.client.name("own turn detection on");
    });
    return true;
  }),
  acts("caller.items", 3, (call) => {
    call.client.line.send(BY_THE_WAY);
    return true;
  }),
  acts("caller.delete", 2, (call, random) => {
    const items = call.client.order.finishedItems;
    if (items.length === 0) return false;
    call.client.line.send({ type: "conversation.item.delete", item_id: random.pick(items) });
    return true;
  }),
  acts("caller.hostile", 6, (call, random) => {
    call.client.line.raw(random.chance(0.2) ? Uint8Array.of(9, 9, 9) : random.pick(HOSTILE));
    return true;
  }),
  // Pauses between turns are long enough for upstreams to be hung up in them: see scenario.ts, and core-watch.ts for the count.
  // One is longer than what is kept of the caller's audio, perhaps.
  {
    name: "caller.long_silence",
    fits: hasProvider,
    arm(call, random) {
      if (random.chance(0.3)) call.client.caller.waitOnce(call.scenario.limits.inputHistoryMs ?? 0);
    },
  },
  {
    name: "caller.slices",
    arm(call, random) {
      call.client.habits.slice = () => random.int(1, 900);
      call.checks.strike("caller.slices");
    },
  },
  {
    name: "caller.bursts",
    arm(call, random) {
      call.unsteady = true;
      call.client.habits.burstMs = random.between(100, 1000);
      call.checks.strike("caller.bursts");
    },
  },
  {
    name: "caller.no_acks",
    fits: isDuplex,
    arm(call) {
      call.client.habits.acknowledges = false;
      call.checks.strike("caller.no_acks");
    },
  },
];
