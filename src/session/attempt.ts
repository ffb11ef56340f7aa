/** What a provider says or a deadline brings must not end the call, whatever goes wrong on the way. */
import { ClientError } from "../protocol/client-error.ts";
import type { ClientPort } from "./client/client-port.ts";
import type { Context } from "./context.ts";
import type { Connection } from "./links/connection.ts";

interface AttemptParts {
  readonly context: Context;
  readonly port: ClientPort;
}

/** What fails is told, and the connection whose words led to it is given up. */
export function attempt({ context, port }: AttemptParts, act: () => void, connection?: Connection): void {
  try {
    act();
  } catch (error) {
    context.metric("internal_errors", 1);
    if (error instanceof ClientError) port.failed(error.code, error.message);
    else if (connection) connection.giveUp("internal_error", "What the upstream said was not handled.");
    else port.failed("internal_error", "The relay failed at something that was due.");
  }
}
