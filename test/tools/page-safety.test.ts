/** What is said in a call is nobody's code: the page's headers, and its sources. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROJECT } from "./command.ts";

/** Ways by which text becomes markup or code. */
const SINKS =
  /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment|DOMParser|srcdoc)\b|document\.write|\beval\(|new Function\(/;

test("[S95] every page has a policy that loads and sends nothing elsewhere", async () => {
  const [everywhere = ""] = (await readFile(join(PROJECT, "public/_headers"), "utf8")).split(/\n(?=\S)/);
  expect(everywhere).toMatch(/^\/\*\n/);
  const policy = /Content-Security-Policy: (.*)/.exec(everywhere)?.[1]?.split("; ") ?? [];
  expect(policy).toEqual(
    expect.arrayContaining([
      "default-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ]),
  );
  expect(policy.join()).not.toMatch(/unsafe|https?:|\*/);
  expect(everywhere).toContain("X-Content-Type-Options: nosniff");
  expect(everywhere).toContain("Referrer-Policy: no-referrer");
});

test("[S95] its sources write no HTML, and its document has no code in it", async () => {
  const folder = join(PROJECT, "src/client");
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) expect(await readFile(join(folder, file), "utf8"), file).not.toMatch(SINKS);
  const page = await readFile(join(PROJECT, "public/index.html"), "utf8");
  expect(page).not.toMatch(/\son\w+=|javascript:|<script(?![^>]*\ssrc=)/i);
});
