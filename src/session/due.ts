/** Which part a deadline is of, by the first word of its name. */
import type { Conduct } from "./conduct.ts";

/** What else stands in the name: `guard:<which>:<what>`. */
type Due = (conduct: Conduct, which: string, what: string) => void;

const PARTS: ReadonlyMap<string, Due> = new Map<string, Due>([
  ["link", linkDue],
  ["response", ({ responses }, id) => responses.timeout(id)],
  ["lane", ({ responses }, id) => responses.drainOne(id)],
  ["transcript", ({ transcriber }) => transcriber?.late()],
  ["consult", ({ turnEnd }) => turnEnd.consultLate()],
  ["unanswered", ({ witness }, stream) => witness.due(Number(stream))],
  ["round", ({ rounds }, id) => rounds.due(id)],
  ["held", ({ asking }) => asking.release()],
  ["guard", ({ guard }, which, what) => guard?.due(which, what)],
  ["shadow", ({ shadows }, index) => shadows?.due(Number(index))],
  ["tool", ({ tools }, id) => tools?.due(id)],
  ["mind", ({ background }, id, what) => background?.due(id, what)],
  ["aside", ({ asides }, which, what) => asides.due(which, what)],
  ["floor", ({ floor }, what) => floor.due(what)],
  ["turn", ({ turns }, what) => turns.watch.due(what)],
  ["configured", ({ sessionObject }) => sessionObject.updates.due()],
  ["persist", ({ context }) => context.persist()],
  ["idle", ({ idle }) => idle.due()],
  ["park", ({ parking }) => parking.due()],
  ["leaving", ({ leaving }, what) => leaving.due(what)],
  ["client", clientDue],
]);

/** A deadline came. One that has no part (`gap`) is there so that something is looked at again. */
export function dueIn(conduct: Conduct, name: string): void {
  const [part = "", which = "", what = ""] = name.split(":");
  PARTS.get(part)?.(conduct, which, what);
}

/** `link:0:redial` is the link's own, `link:0.3:ready` its third connection's. */
function linkDue({ lines }: Conduct, which: string, what: string): void {
  const [index, number] = which.split(".");
  lines[Number(index)]?.timeout(what, number === undefined ? null : Number(number));
}

function clientDue({ backpressure, delivery }: Conduct, what: string): void {
  if (what === "stuck") backpressure.due();
  else delivery.timeout(what);
}
