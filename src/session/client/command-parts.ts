/** What commands act on and ask of a session, whoever gives them: its client, or an observer of the application's. */
import type { AudioKernels } from "../../audio/kernels.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Configuration } from "./configuration.ts";
import type { Budget } from "./budget.ts";
import type { CommandHost, CommandParts } from "./commands-host.ts";

/** @param budget what they may cost. */
export function commandParts(parts: Omit<CommandParts, "budget">, budget: Budget): CommandParts {
  const { context, port, kept, backpressure, conversation, playout, responses, turns, guard } = parts;
  const {
    bargeIn,
    asking,
    rounds,
    listener,
    delivery,
    idle,
    links,
    voices,
    tools,
    background,
    cast,
    asides,
  } = parts;
  const shared = { context, port, kept, backpressure, conversation, playout, responses, turns, guard };
  const others = { bargeIn, asking, rounds, listener, delivery, idle, links, tools, background };
  return { ...shared, ...others, budget, voices, cast, asides };
}

/** What carries out what is not the conversation's. */
interface CommandedParts {
  readonly asking: { respond(params: ResponseParams): void };
  readonly config: Configuration;
  readonly kernels: AudioKernels;
}

/** @param session how it is changed, and what may be asked of it. */
export function commandHost(
  { asking, config, kernels }: CommandedParts,
  session: CommandHost["session"],
): CommandHost {
  return {
    session,
    respond: (params) => asking.respond(config.respondParams(params)),
    get transcriptionOnly() {
      return config.transcriptionOnly;
    },
    get inputFormat() {
      return config.inputFormat;
    },
    kernels,
  };
}
