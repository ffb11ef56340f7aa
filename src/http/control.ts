/** `GET /v1/sessions/:id/control`: the application's own connection to a session (docs/control.md). */
import { requireApiKey } from "./access.ts";
import { negotiate } from "./credentials.ts";
import { type DoorContext, isUpgrade } from "./door.ts";
import { namedObject, observe } from "./object.ts";
import { Problem } from "./problem.ts";
import { countReturn } from "./rate.ts";
import { isOwnersSession } from "./session-id.ts";

/** @throws Problem 401 for anything but an API key, 403 for audio of another key's session, 404 for one that is not there. */
export async function control(c: DoorContext, id: string): Promise<Response> {
  if (!isUpgrade(c.req.raw)) {
    throw new Problem("upgrade_required", "Connect with a WebSocket (Upgrade: websocket).", {
      headers: { Upgrade: "websocket", Connection: "Upgrade" },
    });
  }
  const key = await requireApiKey(c);
  const audio = readAudio(c.req.query("audio"));
  const stub = await namedObject(c, id);
  if (audio && !(await isOwnersSession(c.env, c.req.url, id, key.id))) {
    throw new Problem(
      "key_refused",
      "What is heard in a session is told to the key that it belongs to alone.",
    );
  }
  countReturn(c, `${id}/control`);
  const { protocol } = negotiate(c.req.raw);
  return observe(stub, {
    keyId: key.operator ? null : key.id,
    audio,
    protocol: protocol === "realtime" ? protocol : null,
    by: { id: key.id, fingerprint: key.fingerprint },
  });
}

function readAudio(said: string | undefined): boolean {
  if (said === undefined || said === "false") return false;
  if (said === "true") return true;
  throw new Problem("invalid_value", "Invalid 'audio': expected true or false.", { param: "audio" });
}
