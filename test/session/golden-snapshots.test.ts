import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSnapshot } from "../../durable-objects/snapshot-versions.ts";
import { SNAPSHOT_VERSION } from "../../src/session/session.ts";
import { Call } from "../support/call.ts";
import { GOLDEN_CALLS, type GoldenCall, play, readGolden, writeSnapshot } from "../support/golden.ts";

const folderOf = (version: number) => new URL(`../fixtures/snapshots/v${version}/`, import.meta.url);
/** The present version, and the one before where it was released. */
const versions = [SNAPSHOT_VERSION - 1, SNAPSHOT_VERSION].filter((each) => existsSync(folderOf(each)));

const goldens = versions.flatMap((version) =>
  readdirSync(folderOf(version)).map((file) => {
    const golden = GOLDEN_CALLS.find(({ name }) => file === `${name}.json`);
    if (golden === undefined) throw new Error(`no call makes ${file}`);
    const stored = readGolden(readFileSync(new URL(file, folderOf(version)), "utf8"));
    return { title: `v${version} ${golden.name}`, version, golden, stored };
  }),
);

const freshOf = ({ options }: GoldenCall) => new Call({ ...options, connect: false }).session.snapshot();

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Names of the members, and of the members of these. */
function membersOf(snapshot: object): string[] {
  return Object.entries(snapshot)
    .flatMap(([name, part]) => [
      name,
      ...(isMembers(part) ? Object.keys(part).map((key) => `${name}.${key}`) : []),
    ])
    .toSorted();
}

describe("snapshots that releases stored", () => {
  test("[O43] there are some of the present version, of every state", () => {
    const present = goldens.filter(({ version }) => version === SNAPSHOT_VERSION);
    expect(present).toHaveLength(GOLDEN_CALLS.length);
  });

  test.each(goldens)("[O43] $title is read, and its call goes on", ({ golden, stored }) => {
    const snapshot = readSnapshot(stored, freshOf(golden));
    const call = new Call({ ...golden.options, connect: false });
    call.now = snapshot.context.now + 1000;
    if (snapshot.port.connected) call.open.add("client");
    call.open.add("up0.1");
    call.crash(snapshot);
    call.advance(5000);
    call.connect("realtime");
    expect(call.last("session.created")).toBeDefined();
    const kept = snapshot.conversation.entries.length;
    expect(call.session.snapshot().conversation.entries.length).toBeGreaterThanOrEqual(kept);
    call.advance(10_000);
  });

  test.each(goldens.filter(({ version }) => version === SNAPSHOT_VERSION))(
    "[O43] what this build stores has the members of $title: else it is another version (tools/golden-snapshot.ts)",
    ({ golden, stored }) => {
      expect(membersOf(play(golden))).toEqual(membersOf(stored));
    },
  );

  test("[O43] one without any of its members, or of theirs, is refused", () => {
    for (const { golden, stored } of goldens) {
      const fresh = freshOf(golden);
      for (const member of membersOf(fresh)) {
        const [name = "", inner] = member.split(".");
        const part = stored[name];
        const without = { ...stored };
        if (inner === undefined) delete without[name];
        else if (isMembers(part)) {
          const rest = { ...part };
          delete rest[inner];
          without[name] = rest;
        }
        expect(() => readSnapshot(without, fresh), member).toThrow(
          inner === undefined ? ("version" in without ? name : "version") : member,
        );
      }
    }
  });

  test('[O43] one of a session whose client chose otherwise is read: a number for "inf", an object for a word', () => {
    const call = new Call();
    const fresh = call.session.snapshot();
    const tool_choice = { type: "function", name: "look" };
    const tools = [{ type: "function", name: "look", description: "", parameters: { type: "object" } }];
    call.client({
      type: "session.update",
      session: { type: "realtime", max_output_tokens: 200, tools, tool_choice },
    });
    const stored = call.session.snapshot();
    expect(stored.config).toMatchObject({ max_output_tokens: 200, tool_choice });
    expect(readSnapshot(stored, fresh).config).toEqual(stored.config);
  });

  test("[O43] they are written down whole", () => {
    for (const golden of GOLDEN_CALLS) {
      const snapshot = play(golden);
      expect(readGolden(writeSnapshot(snapshot))).toEqual(snapshot);
    }
  });
});
