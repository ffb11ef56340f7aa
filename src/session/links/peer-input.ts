/** What an upstream's socket brings, handed to its connection. */
import type { Input, PeerId } from "../io.ts";
import type { Connection } from "./connection.ts";

type UpstreamInput = Exclude<
  Extract<Input, { readonly peer: PeerId }>,
  { readonly type: "buffered" | "observer" }
>;

export function fromUpstream(connection: Connection, input: UpstreamInput): void {
  if (input.type === "open") connection.opened();
  else if (input.type === "message") connection.message(input.data);
  else connection.closed(input.code, input.reason);
}
