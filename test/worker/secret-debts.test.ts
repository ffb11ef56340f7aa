/** What sessions of one client secret owe each other. */
import { expect, test } from "vitest";
import { SecretDebts } from "../../durable-objects/secret-debts.ts";
import type { Debts } from "../../src/session/session.ts";
import { bearer, post } from "./doors.ts";
import { connect } from "./socket.ts";

class Debtor {
  debts: Debts = { audio: 0, refusals: 0, work: 0 };

  owe(debts: Debts): void {
    this.debts = debts;
  }
}

test("[E122] a session begins with what those of its client secret owe, live and over, and no other's", () => {
  const all = new SecretDebts();
  const [first, second, third, other] = [new Debtor(), new Debtor(), new Debtor(), new Debtor()];
  all.begin("s", first);
  expect(first.debts).toEqual({ audio: 0, refusals: 0, work: 0 });
  first.debts = { audio: 50, refusals: 5, work: 0 };
  all.begin("s", second);
  expect(second.debts).toEqual(first.debts);
  second.debts = { audio: 70, refusals: 1, work: 9 };
  all.end("s", second);
  second.debts = { audio: 1000, refusals: 1000, work: 1000 };
  all.begin("s", third);
  expect(third.debts).toEqual({ audio: 70, refusals: 5, work: 9 });
  all.begin("t", other);
  all.begin(null, other);
  expect(other.debts).toEqual({ audio: 0, refusals: 0, work: 0 });
});

test("[E122] ten thousand secrets are remembered, those that were asked for last", () => {
  const all = new SecretDebts();
  const begin = (secret: string, audio = 0): number => {
    const debtor = new Debtor();
    all.begin(secret, debtor);
    const { audio: owed } = debtor.debts;
    if (audio > 0) debtor.debts = { audio, refusals: 0, work: 0 };
    all.end(secret, debtor);
    return owed;
  };
  begin("first", 1);
  begin("second", 2);
  for (let n = 0; n < 9_998; n += 1) begin(`s${n}`);
  expect(begin("first")).toBe(1);
  begin("one more");
  expect(begin("second")).toBe(0);
  expect(begin("first")).toBe(1);
});

/** Four of the five and a half minutes that a session may bring at once. */
const UPLOAD = { type: "input_audio_buffer.append", audio: "A".repeat(64 * 240_000) };
const MANUAL = { type: "realtime", model: "echo", audio: { input: { turn_detection: null } } };

test("[E122] beginning another session earns no other five minutes of audio", async () => {
  const minted = await post("/v1/realtime/client_secrets", { session: MANUAL }, bearer("key-one"));
  const { value } = await minted.json<{ readonly value: string }>();
  const begin = async () => {
    const client = await connect("/v1/realtime?model=echo", bearer(value));
    await client.event("session.created");
    client.send(UPLOAD);
    return client;
  };
  const first = await begin();
  first.close(1000, "end");
  await first.closed;
  const second = await begin();
  const told = (await second.event("error"))["error"];
  expect(told).toMatchObject({ code: "rate_limit_exceeded", param: "audio" });
  second.close(1000, "end");
  await second.closed;
});
