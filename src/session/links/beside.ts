/**
 * What a connection says that does not serve, yet or any more. Some answer what they are only told: nobody hears of it, also
 * where it serves by the time that they say the rest. It is forgotten where it was made, and paid for all the same.
 */
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "../context.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import { NOBODY } from "../state/response.ts";

export interface BesideHost {
  readonly context: Context;
  upstreamConfig(): UpstreamConfig;
  /** So much was spent for it. */
  spent(event: Extract<UpstreamEvent, { type: "spent" }>): void;
}

/** Of its configuration a connection says what counts when it serves. */
export function saidBeside(connection: Connection, event: UpstreamEvent, host: BesideHost): void {
  connection.verdicts.keep(event, host.upstreamConfig());
  if (event.type === "error") host.context.metric("upstream_errors", 1, connection.identity.upstream);
  else if (event.type === "response.started") connection.knows.responses.set(event.response, NOBODY);
  else if (event.type === "item.started") forget(connection, event);
  else if (event.type === "input.transcript.completed") written(connection, event, host);
  else if (event.type === "audio") host.context.meter?.said(connection, event);
  else if (event.type === "response.done") ended(connection, event, host);
  else if (event.type === "spent") spent(connection, event, host);
}

/** What goes on and on has no item that could be forgotten. */
function forget(connection: Connection, { item }: Extract<UpstreamEvent, { type: "item.started" }>): void {
  if (connection.capabilities.turns !== "none") connection.command({ type: "delete", itemId: item });
}

/** The words of a turn that it is told are known. */
function written(
  connection: Connection,
  event: Extract<UpstreamEvent, { type: "input.transcript.completed" }>,
  host: BesideHost,
): void {
  host.context.meter?.said(connection, event);
  if (event.usage) host.spent({ type: "spent", usage: event.usage });
}

function ended(
  connection: Connection,
  event: Extract<UpstreamEvent, { type: "response.done" }>,
  host: BesideHost,
): void {
  const { response, usage } = event;
  // Its sound may be paid for beside what it states.
  host.context.meter?.said(connection, { ...event, usage: null });
  connection.knows.responses.delete(response);
  if (usage !== null) spent(connection, { type: "spent", usage }, host);
}

function spent(
  connection: Connection,
  event: Extract<UpstreamEvent, { type: "spent" }>,
  host: BesideHost,
): void {
  host.context.meter?.said(connection, event);
  host.spent(event);
}
