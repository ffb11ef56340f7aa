/** What of a plan a client may not change in the middle of a call. */
import { describe, expect, test } from "vitest";
import { Call } from "../support/call.ts";
import { faults, trio, update } from "../support/plan-update.ts";
import { B, race, wire } from "../support/race.ts";
import { Watcher } from "../support/watcher.ts";

describe("a change that is none", () => {
  test.each([
    [{ strategy: "tagged" }, "invalid_type", "plan.strategy"],
    [{ strategy: "hedge" }, "missing_required_parameter", "plan.hedge_ms"],
    [{ strategy: "hedge", hedge_ms: 0 }, "invalid_type", "plan.hedge_ms"],
    [{ strategy: "race", hedge_ms: 100 }, "invalid_value", "plan.hedge_ms"],
    [{ strategy: "race", upstreams: ["anna", "evil"] }, "invalid_value", "plan.upstreams[1]"],
    [{ strategy: "race", upstreams: ["anna", "wss://evil.example"] }, "invalid_value", "plan.upstreams[1]"],
    [{ strategy: "race", upstreams: ["anna", "shade"] }, "invalid_value", "plan.upstreams[1]"],
    [{ strategy: "race", upstreams: ["anna", "anna"] }, "invalid_value", "plan.upstreams[1]"],
    [{ strategy: "race", upstreams: ["anna"] }, "invalid_value", "plan.upstreams"],
    [{ strategy: "race", upstreams: [] }, "invalid_value", "plan.upstreams"],
    [{ strategy: "single" }, "invalid_value", "plan.upstreams"],
    [{ upstreams: ["anna"] }, "missing_required_parameter", "plan.strategy"],
  ] as const)("[X359] %j is refused with %s of %s, and nothing changes", (plan, code, param) => {
    const call = trio({ upstreams: [wire("anna"), wire("ben"), { ...wire("shade"), role: "shadow" }] });
    const before = call.session.state();
    update(call, { ...plan, ...("upstreams" in plan && { upstreams: [...plan.upstreams] }) });
    expect(faults(call)).toEqual([[code, param, "p1"]]);
    expect(JSON.stringify(call.events.at(-1))).not.toContain("anna, ben, shade");
    expect(call.session.state()).toEqual(before);
    expect(call.types()).not.toContain("relay.plan.updated");
  });

  test("[X359] where the upstreams are no one voice nothing can be changed", () => {
    const call = new Call({ upstreams: [wire("one"), wire("two")], dialect: "duplex.v1" });
    update(call, { strategy: "race" });
    expect(faults(call)).toEqual([["plan_not_changeable", "plan", "p1"]]);
  });

  test("[X359] nor by a plain client", () => {
    const call = race({ dialect: "realtime" });
    update(call, { strategy: "single", upstreams: ["one"] });
    expect(faults(call)).toEqual([["invalid_value", "type", "p1"]]);
    expect(call.open.has(B)).toBe(true);
  });
});

describe("a plan that is locked", () => {
  const lockedBy = (...fields: readonly string[]) => trio({ locks: { fields, toolTypes: null } });

  test.each([
    [["relay.plan"], { strategy: "panel" }, "plan"],
    [["relay"], { strategy: "panel" }, "plan"],
    [["relay.plan.upstreams"], { strategy: "single", upstreams: ["ben"] }, "plan.upstreams"],
    [["relay.plan.strategy"], { strategy: "failover" }, "plan.strategy"],
    [["relay.plan.hedge_ms"], { strategy: "hedge", hedge_ms: 5 }, "plan.hedge_ms"],
  ] as const)("[X360] by %j: %j is refused, and %s named", (fields, plan, param) => {
    const call = lockedBy(...fields);
    update(call, { ...plan, ...("upstreams" in plan && { upstreams: [...plan.upstreams] }) });
    expect(faults(call)).toEqual([["field_locked", param, "p1"]]);
    expect(call.types()).not.toContain("relay.plan.updated");
    const watcher = new Watcher(call);
    watcher.say({ type: "relay.plan.update", plan: { strategy: "failover" } });
    expect(call.last("relay.plan.updated")).toMatchObject({ plan: { strategy: "failover" } });
  });

  test("[X360] what is not locked may be changed, and what is may be said again", () => {
    const call = lockedBy("relay.plan.upstreams", "audio.output", "relay.eager_ms");
    update(call, { strategy: "failover", upstreams: ["anna", "ben", "cleo"] });
    expect(faults(call)).toEqual([]);
    expect(call.last("relay.plan.updated")).toMatchObject({ plan: { strategy: "failover" } });
  });

  test("[X360] what the route locks is locked for its application as well", () => {
    const call = trio({ routeLocked: ["relay.plan"] });
    const watcher = new Watcher(call);
    watcher.say({ type: "relay.plan.update", event_id: "w1", plan: { strategy: "panel" } });
    expect(watcher.last("error")["error"]).toMatchObject({
      code: "field_locked",
      param: "plan",
      event_id: "w1",
    });
  });
});
