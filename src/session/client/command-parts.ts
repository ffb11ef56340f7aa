/** What commands act on and ask of a session, whoever gives them: its client, or an observer of the application's. */
import type { Conduct } from "../conduct.ts";
import type { Budget } from "./budget.ts";
import type { CommandHost, CommandParts } from "./client-commands.ts";

/** @param budget what they may cost. */
export function commandParts(conduct: Conduct, budget: Budget): CommandParts {
  const { context, port, kept, backpressure, conversation, playout, responses, turns, guard } = conduct;
  const { bargeIn, asking, rounds, listener, delivery, idle, links, voices, tools, background, cast } =
    conduct;
  const shared = { context, port, kept, backpressure, conversation, playout, responses, turns, guard };
  const others = { bargeIn, asking, rounds, listener, delivery, idle, links, tools, background };
  return { ...shared, ...others, budget, voices, cast };
}

/** @param session how it is changed, and what may be asked of it. */
export function commandHost(
  { asking, config, kernels }: Conduct,
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
