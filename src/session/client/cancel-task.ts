/** `relay.delegation.cancel`. */
import { ClientError } from "../../protocol/client-error.ts";

/** Works on what speakers hand on; null: nobody does. */
export interface BackgroundPort {
  /** @returns false: there is no task of that name. */
  cancel(id: string): boolean;
}

/** @throws ClientError when there is no such task. */
export function cancelTask(background: BackgroundPort | null, id: string): void {
  if (background?.cancel(id) === true) return;
  throw new ClientError(
    "delegation_not_found",
    `No task '${id}' is under way or waits to be told of.`,
    "delegation_id",
  );
}
