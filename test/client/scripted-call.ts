/** A call that is open over a scripted socket. Install sockets and audio before. */
import { onTestFinished } from "vitest";
import { createCall, openCall, type Call, type CallEventMap } from "../../src/client/index.ts";
import { ScriptedSocket, type Message } from "./scripted-socket.ts";

export const URL_WITH_TOKEN = { url: "wss://relay.example/v1/sessions/s?token=t", token: "t0k" };

export async function connected(
  session: Message,
  options: Parameters<typeof createCall>[0] = {},
): Promise<{ call: Call; socket: ScriptedSocket }> {
  const call = createCall({ workletUrl: "worklets.js", ...options });
  // Its timers would go on in the tests that follow, also in those of another file.
  onTestFinished(() => call.close());
  const opening = openCall(call, URL_WITH_TOKEN);
  const socket = await ScriptedSocket.nth(1);
  socket.accept();
  await socket.spoken();
  socket.say({ type: "session.created", session });
  // Without a number, so that the tests count from 2.
  socket.mention({ type: "session.updated", session });
  await opening;
  return { call, socket };
}

/** Everything a call tells of one type from now on. */
export function collect<K extends keyof CallEventMap>(call: Call, type: K): CallEventMap[K][] {
  const seen: CallEventMap[K][] = [];
  call.on(type, (detail) => seen.push(detail));
  return seen;
}
