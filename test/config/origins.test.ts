import { describe, expect, test } from "vitest";
import { defineRelay } from "../../src/config/define.ts";
import { allowsOrigin, faultOfOrigin } from "../../src/config/origins.ts";

describe("allowedOrigins", () => {
  test.each([
    "https://app.example.com",
    "http://localhost:5173",
    "http://[::1]:3000",
    "https://*.example.com",
    "https://*.example.com:8443",
    "http://*.localhost",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://0b3a6d8e-1f4c-4f6e-9a55-8f3c6f5f2b11",
    "moz-extension://*",
    "capacitor://localhost",
    "ionic://localhost",
    "app://-",
    "app://.",
    "app://obsidian.md",
    "tauri://localhost",
    "vscode-webview://1a2b3c",
    "file://",
    "null",
    "*",
  ])("[H45] '%s' is an origin, and means itself", (origin) => {
    expect(faultOfOrigin(origin)).toBeNull();
    expect(allowsOrigin(origin, origin)).toBe(!origin.includes("*") || origin === "*");
  });

  test.each([
    ["app.example.com", "has no scheme: write https://app.example.com"],
    ["localhost:3000", "has no scheme"],
    ["https://app.example.com/", "a path or a slash"],
    ["https://app.example.com/talk", "a path or a slash"],
    ["https://App.example.com", "lower case"],
    ["https://app.example.com:443", "leave out the port 443"],
    ["http://app.example.com:80", "leave out the port 80"],
    ["https://app.example.com:70000", "no port that there is"],
    ["https://app.*.com", "wrong place"],
    ["https://app*.example.com", "wrong place"],
    ["http://localhost:*", "wrong place"],
    ["https://*", "every site"],
    ["https://*.com", "top-level domain"],
    ["*.example.com", "has no scheme"],
    ["https://", "no host"],
    ["chrome-extension://", "no host"],
    ["https://münchen.example", "xn--"],
    ["https://a b.example", "spaces"],
    ["", "is no origin"],
    ["https:app.example.com", "is no origin"],
    ["https://me@app.example.com", "is no origin"],
  ])("[H45] '%s' is refused: %s", (origin, reason) => {
    expect(faultOfOrigin(origin)).toContain(reason);
    const routes = { echo: { upstreams: [{ name: "echo", adapter: "echo" }] } };
    const define = () => defineRelay({ routes, allowedOrigins: ["https://app.example.com", origin] });
    expect(define).toThrow(`relay.config.ts: allowedOrigins.1: '${origin}'`);
  });

  test.each([
    ["https://a.example.com", true],
    ["https://a.b.example.com", true],
    ["https://A.Example.com", true],
    ["https://example.com", false],
    ["https://.example.com", false],
    ["https://evilexample.com", false],
    ["https://a.example.com.evil.example", false],
    ["https://evil.example/.example.com", false],
    ["http://a.example.com", false],
    ["https://a.example.com:444", false],
    ["null", false],
  ])("[H45] https://*.example.com means one label or more before it: %s %s", (origin, meant) => {
    expect(allowsOrigin("https://*.example.com", origin)).toBe(meant);
  });

  test("[H45] a scheme's hosts may all be meant, as extensions have one per browser", () => {
    expect(allowsOrigin("moz-extension://*", "moz-extension://0b3a6d8e-1f4c-4f6e-9a55-8f3c6f5f2b11")).toBe(
      true,
    );
    expect(allowsOrigin("moz-extension://*", "chrome-extension://abc")).toBe(false);
  });
});
