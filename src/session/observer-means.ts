/** What an observer of the application's may do to a session, and what that may cost. */
import type { ClientError } from "../protocol/client-error.ts";
import { Budget } from "./client/budget.ts";
import { ClientCommands } from "./client/client-commands.ts";
import { commandHost, commandParts } from "./client/command-parts.ts";
import type { Conduct } from "./conduct.ts";
import type { Context } from "./context.ts";

/** Its own for all but answers, which cost the same whoever asks. */
class ObserverBudget extends Budget {
  readonly #session: Budget;

  constructor(context: Context, session: Budget) {
    super(context);
    this.#session = session;
  }

  override refusedAnswer(): ClientError | null {
    return this.#session.refusedAnswer();
  }
}

export function observerMeans(conduct: Conduct) {
  const { context, sessionObject } = conduct;
  const budget = new ObserverBudget(context, conduct.budget);
  const host = commandHost(conduct, {
    update: (session) => sessionObject.update(session, "application"),
    checkParams: (params) => sessionObject.checkParams(params, "application"),
    checkItem: (item) => sessionObject.checkItem(item, "application"),
    checkPlan: (before, after) => sessionObject.checkPlan(before, after, "application"),
  });
  // It has what the client has, but for its budget.
  return { budget, commands: new ClientCommands(commandParts(conduct, budget), host) };
}
