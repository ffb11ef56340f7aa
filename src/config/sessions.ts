/** The `session` that relay.config.ts gives its routes and telephone numbers: checked as a client's would be. */
import * as v from "valibot";
import { ClientError } from "../protocol/client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "../protocol/json.ts";
import { initialConfig, mergeConfig } from "../protocol/session-config.ts";

/** What is wrong with it; null: nothing. */
function faultOfSession(session: JsonObject): string | null {
  try {
    mergeConfig(initialConfig(session["type"] === "transcription" ? "transcription" : "realtime"), session);
    return null;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return error.message;
  }
}

/** Defaults in the shape of OpenAI's session object. */
export const sessionDefaults = v.pipe(
  v.custom<JsonObject>((value) => isJsonObject(value as Json), "expected an object"),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? faultOfSession(dataset.value) : null;
    if (fault !== null) addIssue({ message: fault });
  }),
);
