/** Few messages, each as large or as involved as may be. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Attack } from "./attack.ts";
import { pause, type Attacker, type Connection } from "./attacker.ts";
import { again } from "./floods.ts";

const MIB = 1024 * 1024;

function update(session: JsonObject): string {
  return JSON.stringify({ type: "session.update", session: { type: "realtime", ...session } });
}

function item(content: JsonObject): string {
  return JSON.stringify({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [content] },
  });
}

/** The same message over and over, each when the one before was sent. */
function repeated(
  name: string,
  what: string,
  message: () => string,
  prepare?: (connection: Connection) => Promise<void>,
): Attack {
  return {
    name,
    what,
    run: async (attacker) => {
      const text = message();
      await again(attacker, {}, async (connection) => {
        await prepare?.(connection);
        while (connection.open && !attacker.over) {
          connection.send(text);
          await connection.drained();
          await pause(1);
        }
      });
    },
  };
}

/** Does what must be refused, and looks at what the session shows then. */
function refused(name: string, what: string, message: () => string, codes: readonly string[]): Attack {
  return {
    name,
    what,
    run: async (attacker) => {
      const text = message();
      await again(attacker, {}, async (connection) => {
        const before = await shown(connection);
        for (let n = 0; n < 8 && connection.open && !attacker.over; n += 1) {
          const heard = connection.answer("session.updated", "conversation.item.added");
          connection.send(text);
          const answer = await heard;
          const code = textAt(objectAt(answer, "error"), "code");
          if (answer !== null && !codes.includes(code ?? ""))
            attacker.broke(`${name} was answered by ${code ?? textAt(answer, "type")}`);
        }
        if (connection.open && !attacker.over && (await shown(connection)) !== before)
          attacker.broke(`${name} changed the configuration`);
      });
    },
  };
}

/** The configuration as an update without a change shows it. */
async function shown(connection: Connection): Promise<string> {
  const heard = connection.next((event) => event["type"] === "session.updated");
  connection.send(update({}));
  const session = { ...objectAt(await heard, "session") };
  return JSON.stringify({ ...session, expires_at: 0 });
}

const UPLOAD = "A".repeat(15 * MIB);
const uploading = (): string => `{"type":"input_audio_buffer.append","audio":"${UPLOAD}"}`;

async function inMulaw(connection: Connection): Promise<void> {
  const heard = connection.answer("session.updated");
  connection.send(update({ audio: { input: { format: { type: "audio/pcmu" } } } }));
  await heard;
}

async function growing(attacker: Attacker): Promise<void> {
  await again(attacker, {}, async (connection) => {
    for (let n = 0; n < 40 && connection.open && !attacker.over; n += 1) {
      connection.send(update({ [`unknown_${n}`]: "x".repeat(MIB) }));
      await connection.drained();
    }
    const { length } = await shown(connection);
    if (length > 300_000) attacker.broke(`a configuration has ${length} characters`);
  });
}

export const SIZES: readonly Attack[] = [
  repeated("pcm-uploads", "appends of 15 MiB, 246 s of PCM each", uploading),
  repeated("mulaw-uploads", "appends of 15 MiB, 1475 s of mu-law each", uploading, inMulaw),
  refused(
    "deep-json",
    "an update of 10,000 levels",
    () =>
      `{"type":"session.update","session":{"type":"realtime","x":${"[".repeat(10_000)}${"]".repeat(10_000)}}}`,
    ["invalid_json", "rate_limit_exceeded"],
  ),
  refused(
    "wide-json",
    "an update with 300,000 members",
    () =>
      `{"type":"session.update","session":{"type":"realtime",${Array.from({ length: 300_000 }, (_, n) => `"k${n}":0`).join(",")}}}`,
    ["message_too_large", "rate_limit_exceeded"],
  ),
  refused(
    "many-tools",
    "an update with 500,000 tools, 6.5 MB",
    () =>
      `{"type":"session.update","session":{"type":"realtime","tools":[${'{"type":"x"},'.repeat(499_999)}{"type":"x"}]}}`,
    ["message_too_large", "rate_limit_exceeded"],
  ),
  { name: "growing-session", what: "forty updates of 1 MiB, each of another member", run: growing },
  repeated("large-pictures", "items with a picture of 8 MB", () =>
    item({ type: "input_image", image_url: `data:image/png;base64,${"A".repeat(8 * MIB - 100)}` }),
  ),
  repeated("large-texts", "items with a text of 250 KiB", () =>
    item({ type: "input_text", text: "x".repeat(250 * 1024) }),
  ),
  repeated("members", "updates of 9,900 members, the most that is read", () =>
    update({ x: Object.fromEntries(Array.from({ length: 9_900 }, (_, n) => [`k${n}`, n])) }),
  ),
  repeated(
    "long-errors",
    "an unknown event whose type has a megabyte",
    () => `{"type":"${"x".repeat(MIB)}"}`,
  ),
];
