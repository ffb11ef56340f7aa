/** What a standby says of the configuration while another connection serves. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { Call } from "../support/call.ts";

const JUDGE = { adapter: "wire", settings: { confirms: true } };
const error = { type: "invalid_request_error", code: "invalid_value", message: "No." };
const tools = (name: string) => [{ type: "function", name }];

/** A session whose primary took all that it was told, beside a standby that is ready. */
function withStandby(): Call {
  const upstreams = [{ name: "judge", options: JUDGE, standby: true, fallback: [JUDGE] }];
  const call = new Call({ dialect: "duplex.v1", upstreams });
  call.upstream({ type: "configured" });
  update(call, { tools: tools("first"), instructions: "Be brief." });
  call.upstream({ type: "configured" });
  call.accept("up0.2");
  return call;
}

function update(call: Call, session: JsonObject): void {
  call.client({ type: "session.update", session });
}

function refuse(call: Call, fields: readonly string[]): void {
  call.upstream({ type: "refused", what: "configure", id: null, cause: null, error }, "up0.2");
  call.upstream({ type: "unconfigured", fields }, "up0.2");
}

function lose(call: Call): void {
  call.clearEvents();
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
}

/** What the connection was told last. */
function told(call: Call, peer: string): unknown {
  const last = call.commands(peer).findLast(({ type }) => type === "greet" || type === "configure");
  return last && "config" in last ? last.config : null;
}

describe("what a standby refused", () => {
  test("[M92] of another configuration than there is by now is of no account when it takes over", () => {
    const call = withStandby();
    refuse(call, ["tools"]);
    update(call, { tools: tools("second") });
    call.upstream({ type: "configured" });
    call.upstream({ type: "configured" }, "up0.2");
    lose(call);
    expect(call.types()).not.toContain("session.updated");
    expect(call.events.flatMap((event) => (event.type === "error" ? [event["error"]] : []))).toEqual([
      expect.objectContaining({ code: "upstream_closed" }),
    ]);
    expect(told(call, "up0.2")).toMatchObject({ tools: tools("second") });
  });

  test("[M92] and is wanted still is taken back, field by field", () => {
    const call = withStandby();
    refuse(call, ["tools", "instructions"]);
    update(call, { tools: tools("second") });
    call.upstream({ type: "configured" });
    call.upstream({ type: "configured" }, "up0.2");
    lose(call);
    const { session } = call.last("session.updated") as unknown as { session: JsonObject };
    expect(session).toMatchObject({ tools: tools("second"), instructions: "" });
  });

  test("[M92] [G15] what it took before an update is no verdict on that", () => {
    const call = withStandby();
    call.upstream({ type: "configured" }, "up0.2");
    call.clearEvents();
    update(call, { tools: tools("bad name") });
    lose(call);
    expect(call.types()).not.toContain("session.updated");
    refuse(call, ["tools"]);
    call.upstream({ type: "configured" }, "up0.2");
    expect(call.types()).not.toContain("session.updated");
    expect(told(call, "up0.2")).toMatchObject({ tools: tools("first") });
  });
});
