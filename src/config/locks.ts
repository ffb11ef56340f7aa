/** `locked` and kinds of tools, as relay.config.ts and the doors take them. */
import * as v from "valibot";
import { faultOfLock } from "../session/client/locks.ts";

/** Locks of one route, session or secret. */
const MOST = 64;

export const lockedFields = v.pipe(
  v.array(
    v.pipe(
      v.string("expected a field's path"),
      v.check(
        (field) => faultOfLock(field) === null,
        ({ input }) => faultOfLock(input) ?? "",
      ),
    ),
    "expected a list of fields",
  ),
  v.maxLength(MOST, `expected at most ${MOST} fields`),
);

export const toolTypes = v.pipe(
  v.array(
    v.pipe(v.string("expected a kind of tool"), v.regex(/^[\w.-]{1,64}$/, "expected a kind of tool")),
    "expected a list of kinds of tools",
  ),
  v.maxLength(MOST, `expected at most ${MOST} kinds`),
);
