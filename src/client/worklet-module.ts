/** Where the code of the audio worklets comes from: a file, or this very module where it was built in. */
import { RelayError, reasonOf } from "./error.ts";

/** The worklets' code; the build of public/sdk.js puts it here (tools/build/client.ts). */
declare const WORKLET_CODE: string | undefined;

const FILE = "./worklets.js";

/**
 * Loads the worklets into a context: from `url`, else from beside this module, else from the code that is built in,
 * which a page's Content-Security-Policy may forbid (`script-src blob:`).
 * @throws RelayError `worklets_missing`
 */
export async function addWorklets(context: AudioContext, url: string | null): Promise<void> {
  const file = url ?? besideModule();
  let reason = "the place of this module is not known";
  if (file !== null) {
    try {
      return await context.audioWorklet.addModule(file);
    } catch (error) {
      reason = reasonOf(error);
    }
  }
  const code = typeof WORKLET_CODE === "undefined" ? null : WORKLET_CODE;
  if (code === null) throw missing(file, reason);
  const blob = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(blob);
  } catch (error) {
    throw missing(file, `${reason}; ${reasonOf(error)}`);
  } finally {
    URL.revokeObjectURL(blob);
  }
}

/** Some bundlers leave `import.meta.url` out, or put something into it that is no place. */
function besideModule(): string | null {
  try {
    return new URL(FILE, import.meta.url).href;
  } catch {
    return null;
  }
}

function missing(file: string | null, reason: string): RelayError {
  const where = file ?? FILE;
  const message = `The audio worklets cannot be loaded from ${where} (${reason}): serve worklets.js and say where in workletUrl`;
  return new RelayError("worklets_missing", message);
}
