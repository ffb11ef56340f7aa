/**
 * Each test ends what it left alive. The files share one isolate, so a session of an earlier test would wake by a later
 * test's clock, in the context of that test's object, where nothing of its own may be touched.
 */
import { abortAllDurableObjects } from "cloudflare:test";
import { afterEach } from "vitest";

afterEach(() => abortAllDurableObjects());
