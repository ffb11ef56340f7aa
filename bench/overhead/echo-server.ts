/**
 * The upstream of the overhead benchmark, in its own process: as much of the OpenAI Realtime dialect as opens one
 * response, which then gives back the audio of every append at once. Binary messages come back as they are.
 */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { mergeDeep, objectAt, textAt } from "../../src/upstreams/json.ts";

const AUDIO = '"audio":"';

/** @param answers false: it is asked for nothing, as an upstream that only hears. */
function serve(socket: WebSocket, answers: boolean): void {
  const item = `item_${randomUUID().slice(0, 8)}`;
  let response: string | null = null;
  let session: JsonObject = { type: "realtime", object: "realtime.session", id: `sess_${randomUUID()}` };
  const send = (event: JsonObject): void =>
    socket.send(JSON.stringify({ event_id: `event_${randomUUID()}`, ...event }));
  const respond = (request: JsonObject | null): void => {
    const id = (response = `resp_${randomUUID()}`);
    const metadata = request?.["metadata"] ?? null;
    const place = { response_id: id, output_index: 0 };
    send({
      type: "response.created",
      response: { id, object: "realtime.response", status: "in_progress", output: [], metadata },
    });
    const message = {
      id: item,
      object: "realtime.item",
      type: "message",
      role: "assistant",
      status: "in_progress",
      content: [],
    };
    send({ type: "response.output_item.added", ...place, item: message });
    send({ type: "conversation.item.added", previous_item_id: null, item: message });
    const part = { type: "audio", transcript: "" };
    send({ type: "response.content_part.added", ...place, item_id: item, content_index: 0, part });
  };
  send({ type: "session.created", session });
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) {
      if (answers) socket.send(data);
      return;
    }
    const text = data.toString("latin1");
    const at = text.indexOf(AUDIO);
    if (response !== null && at >= 0 && text.includes("input_audio_buffer.append")) {
      const audio = text.slice(at + AUDIO.length, text.indexOf('"', at + AUDIO.length));
      socket.send(
        `{"type":"response.output_audio.delta","event_id":"event_1","response_id":"${response}","item_id":"${item}","output_index":0,"content_index":0,"delta":"${audio}"}`,
      );
      return;
    }
    const event = parseJsonObject(text);
    if (textAt(event, "type") === "session.update") {
      session = mergeDeep(session, objectAt(event, "session") ?? {});
      send({ type: "session.updated", session });
    }
    if (answers && textAt(event, "type") === "response.create") respond(objectAt(event, "response"));
  });
  socket.on("error", () => socket.terminate());
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has("realtime") ? "realtime" : false),
});
server.on("connection", (socket, { url = "" }) => serve(socket, !url.includes("answers=no")));
server.on("listening", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
