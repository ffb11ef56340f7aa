import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { complete, platformOf, unchecked, type Lock } from "../../tools/complete-lock.ts";
import { PROJECT } from "./command.ts";

describe("the lock file", () => {
  it("[T10] names the binaries of all platforms", async () => {
    const lock: Lock = JSON.parse(await readFile(`${PROJECT}package-lock.json`, "utf8"));
    expect(complete(lock)).toEqual([]);
  });

  it("[T13] has the checksum of everything that npm fetches, the Node binaries included", async () => {
    const lock: Lock = JSON.parse(await readFile(`${PROJECT}package-lock.json`, "utf8"));
    expect(unchecked(lock)).toEqual([]);
    const binaries = Object.keys(lock.packages).filter((place) =>
      /^node_modules\/node-(?!releases|gyp)/.test(place),
    );
    expect(binaries.length).toBeGreaterThanOrEqual(5);
    expect(unchecked({ packages: { "node_modules/a": { version: "1.0.0" } } })).toEqual(["node_modules/a"]);
  });

  it.skipIf(process.platform === "win32")(
    "[T71] installs at most 700 MB, of at most 200 packages, and says little",
    async () => {
      const mb = (path: string) =>
        existsSync(path) ? Number.parseInt(execFileSync("du", ["-sm", path], { encoding: "utf8" })) : 0;
      // What vitest keeps there while it runs was not installed.
      const size = mb(`${PROJECT}node_modules`) - mb(`${PROJECT}node_modules/.vitest-cache`);
      expect(size).toBeGreaterThan(100);
      expect(size).toBeLessThanOrEqual(700);
      const installed: Lock = JSON.parse(await readFile(`${PROJECT}node_modules/.package-lock.json`, "utf8"));
      expect(Object.keys(installed.packages).length).toBeLessThanOrEqual(200);
      expect(await readFile(`${PROJECT}.npmrc`, "utf8")).toMatch(/^loglevel=error$/m);
    },
  );

  it("[T10] reads platforms from names", () => {
    expect(platformOf("@cloudflare/workerd-windows-64")).toEqual({ os: ["win32"], cpu: ["x64"] });
    expect(platformOf("@cloudflare/workerd-darwin-arm64")).toEqual({ os: ["darwin"], cpu: ["arm64"] });
    expect(platformOf("@oxlint/binding-linux-riscv64-musl")).toEqual({
      os: ["linux"],
      cpu: ["riscv64"],
      libc: ["musl"],
    });
    expect(platformOf("@oxlint/binding-linux-arm-gnueabihf")).toEqual({
      os: ["linux"],
      cpu: ["arm"],
      libc: ["glibc"],
    });
    expect(platformOf("@oxlint-tsgolint/win32-x64")).toEqual({ os: ["win32"], cpu: ["x64"] });
    expect(platformOf("fsevents")).toBeNull();
  });

  it("[T10] puts what is missing where npm would", () => {
    const lock: Lock = {
      packages: {
        "": {},
        "node_modules/a": { version: "1.0.0", dev: true, optionalDependencies: { "@a/darwin-x64": "1.0.0" } },
        "node_modules/b/node_modules/a": {
          version: "2.0.0",
          optionalDependencies: { "@a/darwin-x64": "2.0.0" },
        },
        "node_modules/c": { version: "1.0.0", optionalDependencies: { fsevents: "~2.3.3" } },
      },
    };
    expect(complete(lock)).toEqual([
      "node_modules/@a/darwin-x64@1.0.0",
      "node_modules/b/node_modules/@a/darwin-x64@2.0.0",
    ]);
    expect(complete(lock)).toEqual([]);
    expect(lock.packages["node_modules/@a/darwin-x64"]).toEqual({
      version: "1.0.0",
      os: ["darwin"],
      cpu: ["x64"],
      dev: true,
      optional: true,
    });
  });
});
