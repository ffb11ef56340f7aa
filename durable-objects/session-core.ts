import type { Session } from "../src/session/session.ts";

/** What the shell needs of a session: the core's own class, or a scripted double. */
export type SessionCore = Pick<
  Session,
  | "handle"
  | "deadline"
  | "quiet"
  | "busy"
  | "covers"
  | "snapshot"
  | "state"
  | "terminate"
  | "resumable"
  | "extended"
>;
