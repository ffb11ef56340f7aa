/** The Chromium that tests drive, and how it is started on a machine without a display or a network. */
import { existsSync } from "node:fs";

export const CHROMIUM = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Null where Chromium is installed, else why the browser tests cannot run. */
export const NO_CHROMIUM: string | null = existsSync(CHROMIUM) ? null : `no Chromium at ${CHROMIUM}`;

export const CHROMIUM_FLAGS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
