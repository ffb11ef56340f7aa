/** What an observer of the application's may do to a session, and what that may cost. */
import type { ClientError } from "../protocol/client-error.ts";
import { Budget } from "./client/budget.ts";
import { ClientCommands } from "./client/client-commands.ts";
import type { CommandParts } from "./client/command-parts.ts";
import type { SessionObject } from "./client/session-object.ts";
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

interface ObservedParts extends CommandParts {
  readonly budget: Budget;
  readonly sessionObject: SessionObject;
}

export function observerMeans(parts: ObservedParts) {
  const { context, sessionObject } = parts;
  const budget = new ObserverBudget(context, parts.budget);
  const session = {
    update: (given) => sessionObject.update(given, "application"),
    checkParams: (params) => sessionObject.checkParams(params, "application"),
    checkItem: (item) => sessionObject.checkItem(item, "application"),
    checkPlan: (before, after) => sessionObject.checkPlan(before, after, "application"),
  } satisfies Pick<SessionObject, "update" | "checkParams" | "checkItem" | "checkPlan">;
  // It has what the client has, but for its budget.
  return { budget, commands: new ClientCommands(parts, { budget, session }) };
}
