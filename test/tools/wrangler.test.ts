/** What the deployment costs and who is put out by it is decided in wrangler.toml: nobody may forget it there. */
import { expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import relayConfig from "../../relay.config.ts";
import { PROJECT } from "./command.ts";

const config = unstable_readConfig({ config: `${PROJECT}wrangler.toml` }, { hideWarnings: true });

it("[H80] logs errors, but no line per message, and no query of a URL", () => {
  expect(config.observability).toMatchObject({
    enabled: true,
    redact_query_string: true,
    logs: { invocation_logs: false },
  });
});

it("[H81] lets calls end on the code that they began with", () => {
  expect(config.durable_objects).toMatchObject({
    code_update_strategy: { mode: "deferred", max_delay: 14_400 },
  });
});

it("[T88] gives a version no address of its own", () => {
  expect(config).toMatchObject({ workers_dev: true, preview_urls: false });
});

it("[H117] ships with limits for keys that bring none, and a rate limit that counts over isolates", () => {
  expect(relayConfig.limits).toEqual({ sessionsPerMinute: 60, concurrent: 20, sessionsPerSecret: 100 });
  expect(config.ratelimits).toEqual([
    expect.objectContaining({ name: "RATE_LIMIT", simple: { limit: 60, period: 60 } }),
  ]);
  expect(config.kv_namespaces).toEqual([expect.objectContaining({ binding: "RELAY_KEYS" })]);
});

it("[E47] takes no compressed messages", () => {
  expect(config.compatibility_flags).toContain("no_web_socket_compression");
});

it("[U137] binds nothing of an account's: wrangler dev asks for none", () => {
  expect(config.ai).toBe(undefined);
});
