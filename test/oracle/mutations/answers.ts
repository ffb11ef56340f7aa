/** Faults in what a provider says: answers, costs, transcripts, errors. */
import { deep, objectOf, parsed, textOf, without } from "../fields.ts";
import { told, client, ofType, inError, inResponse, type Mutation } from "./tamper.ts";

export const IN_ANSWERS: readonly Mutation[] = [
  // What a provider says of an end, an item or a call.
  {
    name: "every item is completed",
    tampering: () =>
      client((event) =>
        textOf(event["type"]).endsWith("item.done")
          ? { ...event, item: { ...objectOf(event["item"]), status: "completed" } }
          : event,
      ),
  },
  {
    name: "every item of a response is completed",
    tampering: () =>
      client(
        inResponse("response.done", (response) =>
          objectOf(
            deep(response, (object) =>
              object["object"] === "realtime.item" ? { ...object, status: "completed" } : object,
            ),
          ),
        ),
      ),
  },
  {
    name: "an incomplete answer is completed",
    tampering: () =>
      told((event) =>
        event.type === "response.done" && event.status === "incomplete"
          ? { ...event, status: "completed", reason: null }
          : event,
      ),
  },
  {
    name: "a failed answer is completed",
    tampering: () =>
      told((event) =>
        event.type === "response.done" && event.status === "failed"
          ? { ...event, status: "completed", error: null }
          : event,
      ),
  },
  {
    name: "why an answer is incomplete is lost",
    tampering: () => told((event) => (event.type === "response.done" ? { ...event, reason: null } : event)),
  },
  {
    name: "the code of a failed answer is lost",
    tampering: () =>
      told((event) =>
        event.type === "response.done" && event.error !== null
          ? { ...event, error: { ...event.error, code: "server_error" } }
          : event,
      ),
  },
  {
    name: "items of unknown kinds are dropped",
    tampering: () =>
      client((event) =>
        /mcp_call/.test(JSON.stringify(objectOf(event["item"])["type"] ?? "")) ? null : event,
      ),
  },
  {
    name: "events of unknown kinds are dropped",
    tampering: () => client((event) => (/mcp_call/.test(textOf(event["type"])) ? null : event)),
  },
  {
    name: "a message has one part",
    tampering: () => client((event) => ("content_index" in event ? { ...event, content_index: 0 } : event)),
  },
  {
    name: "arguments become an empty object",
    tampering: () =>
      client((event) =>
        objectOf(
          deep(event, (object) =>
            object["type"] === "function_call" && object["status"] === "completed"
              ? { ...object, arguments: "{}" }
              : object,
          ),
        ),
      ),
  },
  {
    name: "deltas of arguments are not told",
    tampering: () => told((event) => (event.type === "arguments" ? null : event)),
  },
  {
    name: "the name of a called function is lost",
    tampering: () =>
      told((event) =>
        event.type === "item.started" && event.kind === "function_call"
          ? { ...event, name: "function" }
          : event,
      ),
  },
  {
    name: "the call id is another",
    tampering: () =>
      client(ofType("response.function_call_arguments.done", (event) => ({ ...event, call_id: "call_x" }))),
  },
  {
    name: "a call without an id is left out",
    tampering: () =>
      told((event) => (event.type === "item.started" && event.kind === "function_call" ? null : event)),
  },
  // Cost.
  {
    name: "usage of a cancelled answer is null",
    tampering: () =>
      client(
        inResponse("response.done", (response) =>
          response["status"] === "cancelled" ? { ...response, usage: null } : response,
        ),
      ),
  },
  {
    name: "usage is null",
    tampering: () => told((event) => (event.type === "response.done" ? { ...event, usage: null } : event)),
  },
  {
    name: "details of usage are dropped",
    tampering: () =>
      client(
        inResponse("response.done", (response) => ({
          ...response,
          usage:
            response["usage"] === null ? null : without(objectOf(response["usage"]), "output_token_details"),
        })),
      ),
  },
  {
    name: "usage of a transcript is dropped",
    tampering: () =>
      client(
        ofType("conversation.item.input_audio_transcription.completed", (event) => without(event, "usage")),
      ),
  },
  // Transcripts.
  {
    name: "log probabilities are dropped",
    tampering: () =>
      client(
        ofType("conversation.item.input_audio_transcription.completed", (event) =>
          without(event, "logprobs"),
        ),
      ),
  },
  {
    name: "segments are dropped",
    tampering: () => client(ofType("conversation.item.input_audio_transcription.segment", () => null)),
  },
  {
    name: "failed transcripts are dropped",
    tampering: () => told((event) => (event.type === "input.transcript.failed" ? null : event)),
  },
  {
    name: "a transcript is completed twice",
    tampering: () => told((event) => (event.type === "input.transcript.completed" ? [event, event] : event)),
  },
  {
    name: "deltas of a transcript are told again",
    tampering: () => told((event) => (event.type === "input.transcript.delta" ? [event, event] : event)),
  },
  {
    name: "a space ends a word",
    tampering: () =>
      told((event) =>
        event.type === "transcript" ? { ...event, delta: event.delta.replace(/(\S)$/, "$1 ") } : event,
      ),
  },
  // Errors and refusals.
  {
    name: "errors forget whose event it was",
    tampering: () => client(inError((error) => ({ ...error, event_id: null }))),
  },
  { name: "errors name no field", tampering: () => client(inError((error) => ({ ...error, param: null }))) },
  {
    name: "every error is the server's",
    tampering: () => client(inError((error) => ({ ...error, type: "server_error" }))),
  },
  {
    name: "a needless cancel is worded otherwise",
    tampering: () => client(inError((error) => ({ ...error, message: "nothing to cancel" }))),
  },
  {
    name: "a refused update is told as in force",
    tampering: () => ({
      toClient: (text) => {
        const event = parsed(text) ?? {};
        const refused = event["type"] === "error" && JSON.stringify(event).includes('"param":"session');
        return refused
          ? [
              JSON.stringify({ type: "session.updated", event_id: "event_x", session: { type: "realtime" } }),
              text,
            ]
          : [text];
      },
    }),
  },
  {
    name: "rate limits are dropped",
    tampering: () => told((event) => (event.type === "rate_limits" ? null : event)),
  },
];
