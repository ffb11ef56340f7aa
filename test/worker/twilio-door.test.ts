import { afterEach, describe, expect, test, vi } from "vitest";
import type { RelayConfigInput } from "../../src/config/define.ts";
import { bearer, call, callWith, HOST, LOOPBACK, OTHER_KEY, problemOf } from "./doors.ts";
import { stateOf } from "./object.ts";

const SECRET = "an auth token that only Twilio knows";
const BINDINGS = { TWILIO_AUTH_TOKEN: SECRET } as object;
const ECHO = { upstreams: [{ name: "echo", adapter: "echo" }] };

function config(twilio: Partial<NonNullable<RelayConfigInput["twilio"]>> = {}): RelayConfigInput {
  return {
    routes: {
      echo: ECHO,
      "echo+echo": { upstreams: [ECHO.upstreams[0]!, { name: "two", adapter: "echo" }] },
    },
    defaultRoute: "echo",
    twilio: {
      authToken: { env: "TWILIO_AUTH_TOKEN" },
      numbers: { "+15550001": { model: "echo" }, "+15550002": { model: "echo+echo" } },
      ...twilio,
    },
  };
}

const FORM = { CallSid: "CA1", To: "+15550001", From: "+15551234" };

/** As Twilio's description of it says: URL, then names and values in the order of the names. */
async function sign(url: string, form: Record<string, string>, secret = SECRET): Promise<string> {
  const text = Object.keys(form)
    .toSorted()
    .reduce((all, name) => all + name + form[name], url);
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(text))).toBase64();
}

const START = {
  event: "start",
  sequenceNumber: "1",
  start: {
    streamSid: "MZ1",
    callSid: "CA1",
    mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
  },
  streamSid: "MZ1",
};

interface Webhook {
  readonly form?: Record<string, string>;
  readonly url?: string;
  readonly signedUrl?: string;
  readonly signature?: string;
  readonly config?: RelayConfigInput;
  readonly bindings?: object;
  readonly headers?: Record<string, string>;
}

async function ring(options: Webhook = {}): Promise<Response> {
  const { form = FORM, url = `${HOST}/v1/twilio` } = options;
  const signature = options.signature ?? (await sign(options.signedUrl ?? url, form));
  const request = new Request(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Twilio-Signature": signature,
      ...options.headers,
    },
    body: new URLSearchParams(form).toString(),
  });
  return callWith(options.config ?? config(), options.bindings ?? BINDINGS, request);
}

function partsOf(twiml: string) {
  const stream = /<Connect><Stream url="([^"]+)">/.exec(twiml)?.[1] ?? "";
  const again = /<Redirect method="POST">([^<]+)</.exec(twiml)?.[1] ?? "";
  const session = /<Parameter name="session" value="([^"]+)"/.exec(twiml)?.[1] ?? "";
  return { stream, again, session };
}

async function connectTo(stream: string, options: Webhook = {}): Promise<Response> {
  const request = new Request(stream.replace(/^ws/, "http"), { headers: { Upgrade: "websocket" } });
  return callWith(options.config ?? config(), options.bindings ?? BINDINGS, request);
}

function hangUp({ webSocket }: Response): void {
  webSocket?.accept();
  webSocket?.send(JSON.stringify({ event: "connected" }));
  webSocket?.close(1000, "end");
}

afterEach(() => void vi.useRealTimers());

describe("the webhook", () => {
  test("[N10] a signature that was published with Twilio's description of it is taken", async () => {
    // https://www.twilio.com/docs/usage/security#validating-requests, its example request.
    const { isSigned } = await import("../../src/dialects/twilio/door/signature.ts");
    const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const form = {
      CallSid: "CA1234567890ABCDE",
      Caller: "+12349013030",
      Digits: "1234",
      From: "+12349013030",
      To: "+18005551212",
    };
    const parameters = new URLSearchParams(form);
    expect(await isSigned("12345", url, parameters, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")).toBe(true);
    expect(await isSigned("12346", url, parameters, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")).toBe(false);
  });

  test("[N10] is answered with a stream for this call, and where to go on", async () => {
    const response = await ring();
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("text/xml; charset=utf-8");
    const { stream, again, session } = partsOf(await response.text());
    expect(stream).toMatch(/^wss:\/\/relay\.example\/v1\/twilio\/[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(session).toMatch(/^sess_/);
    expect(again).toBe(`${HOST}/v1/twilio/${session}`);
  });

  test.each([
    ["none", { signature: "" }],
    ["no base64", { signature: "%%%" }],
    ["of another length", { signature: "AAAA" }],
    ["of another form", { form: { ...FORM, To: "+15550001", CallSid: "CA2" }, signature: undefined }],
  ])("[N10] a signature that is %s is refused", async (_, options) => {
    const signature = options.signature ?? (await sign(`${HOST}/v1/twilio`, FORM));
    expect(await problemOf(await ring({ ...options, signature }))).toEqual([
      401,
      "invalid_credentials",
      null,
    ]);
  });

  test("[N10] with another secret, for another path, or of another host it is refused", async () => {
    const refused = [401, "invalid_credentials", null];
    const foreign = await sign(`${HOST}/v1/twilio`, FORM, "another secret");
    expect(await problemOf(await ring({ signature: foreign }))).toEqual(refused);
    expect(await problemOf(await ring({ signedUrl: `${HOST}/v1/twilio/` }))).toEqual(refused);
    const headers = { "X-Forwarded-Host": "evil.example", Host: "evil.example" };
    expect(await problemOf(await ring({ signedUrl: "https://evil.example/v1/twilio", headers }))).toEqual(
      refused,
    );
  });

  test.each([
    ["voice.example.com", "voice.example.com"],
    ["voice.example.com", "voice.example.com:443"],
    ["voice.example.com:8443", "voice.example.com:8443"],
    ["voice.example.com:8443", "voice.example.com"],
  ])("[N10] behind a proxy the configured host %s counts, though %s is signed", async (host, signed) => {
    const proxied = config({ publicUrl: `https://${host}` });
    const signedUrl = `https://${signed}/v1/twilio?a=b`;
    const response = await ring({ url: "http://10.0.0.7:8787/v1/twilio?a=b", signedUrl, config: proxied });
    expect(partsOf(await response.text()).stream).toContain(`wss://${host}/v1/twilio/`);
  });

  test("[N10] another host or port than the configured one is not signed for", async () => {
    for (const [host, signed] of [
      ["voice.example.com:8443", "voice.example.com:443"],
      ["voice.example.com", "voice.example.com:8443"],
      ["voice.example.com", "example.com"],
    ]) {
      const proxied = config({ publicUrl: `https://${host}` });
      const refused = await ring({ signedUrl: `https://${signed}/v1/twilio`, config: proxied });
      expect(await problemOf(refused)).toEqual([401, "invalid_credentials", null]);
    }
  });

  test("[X117] several voices that are one answer a telephone", async () => {
    const voice = (name: string) => ({
      name,
      adapter: "openai-compatible",
      url: `https://${name}.example.com/`,
    });
    const raced = config({ numbers: { "+15550001": { model: "race" } } });
    const race = { plan: "race" as const, upstreams: [voice("one"), voice("two")] };
    const response = await ring({ config: { ...raced, routes: { ...raced.routes, race } } });
    expect(response.status).toBe(200);
    expect(partsOf(await response.text()).stream).toContain("/v1/twilio/");
  });

  test("[N75] a call that the application places is answered as the number that it is placed from", async () => {
    const own = "+15550001";
    const placed = { CallSid: "CA1", Direction: "outbound-api", From: own, To: "+15559999" };
    expect((await ring({ form: placed })).status).toBe(200);
    const other = await ring({ form: { ...placed, From: "+15559999", To: own } });
    expect(await problemOf(other)).toEqual([404, "not_found", "From"]);
    expect(
      (await ring({ form: { ...placed, Direction: "inbound", From: "+15559999", To: own } })).status,
    ).toBe(200);
  });

  test("[N11] what is wrong is refused by its name", async () => {
    const json = { "Content-Type": "application/json" };
    expect(await problemOf(await ring({ headers: json }))).toEqual([415, "unsupported_media_type", null]);
    const nobody = { ...FORM, To: "+15559999" };
    expect(await problemOf(await ring({ form: nobody }))).toEqual([404, "not_found", "To"]);
    expect(await problemOf(await ring({ form: { ...FORM, CallSid: "" } }))).toEqual([
      400,
      "missing_parameter",
      "CallSid",
    ]);
    const two = { ...FORM, To: "+15550002" };
    expect(await problemOf(await ring({ form: two }))).toEqual([500, "misconfigured", null]);
    expect(await problemOf(await ring({ bindings: {} }))).toEqual([500, "misconfigured", null]);
    expect(await problemOf(await ring({ config: config({ key: "nobodys" }) }))).toEqual([
      500,
      "misconfigured",
      null,
    ]);
    expect(await problemOf(await callWith(null, {}, new Request(`${HOST}/v1/twilio`)))).toEqual([
      405,
      "method_not_allowed",
      null,
    ]);
    const unconfigured = await ring({ config: { routes: { echo: ECHO } } });
    expect(await problemOf(unconfigured)).toEqual([404, "not_offered", null]);
  });

  test("[N11] development needs neither a configuration nor a signature, on loopback alone", async () => {
    const form = new URLSearchParams(FORM).toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const at = (url: string) => callWith(null, {}, new Request(url, { method: "POST", headers, body: form }));
    const response = await at(`${LOOPBACK}/v1/twilio`);
    expect(partsOf(await response.text()).stream).toMatch(/^ws:\/\/127\.0\.0\.1:8787\/v1\/twilio\//);
    expect((await at(`${HOST}/v1/twilio`)).status).toBe(404);
  });

  test("[N11] calls without a signature spend no secret", async () => {
    const routes = {
      paid: {
        upstreams: [
          {
            name: "paid",
            adapter: "openai-compatible",
            url: "https://provider.example/v1/realtime",
            headers: { Authorization: { env: "PAID" } },
          },
        ],
      },
    };
    const paid = { routes, defaultRoute: "paid" };
    const options = { config: paid, bindings: { PAID: "secret" }, url: `${LOOPBACK}/v1/twilio` };
    expect(await problemOf(await ring(options))).toEqual([403, "key_refused", "model"]);
  });
});

describe("the account of a call", () => {
  test("[N15] is the configured key's: its owner sees the session and may end it", async () => {
    const options = { config: config({ key: "first" }) };
    const { stream, again, session } = partsOf(await (await ring(options)).text());
    const open = await connectTo(stream, options);
    expect(await stateOf(session, bearer())).toMatchObject({ status: "connected" });
    expect((await call(`/v1/sessions/${session}`, { headers: bearer(OTHER_KEY) })).status).toBe(404);
    const ended = await call(`/v1/sessions/${session}`, { method: "DELETE", headers: bearer() });
    expect(ended.status).toBe(204);
    expect(await (await ring({ ...options, url: again })).text()).toContain("<Hangup/>");
    hangUp(open);
  });

  test("[N15] has that key's limits: of calls at once, and of calls a minute", async () => {
    const few = { config: config({ key: "few" }) };
    const open = async () => connectTo(partsOf(await (await ring(few)).text()).stream, few);
    const calls = [await open(), await open()];
    expect(calls.map(({ status }) => status)).toEqual([101, 101]);
    expect(await problemOf(await open())).toEqual([429, "too_many_sessions", null]);
    // One hangs up: there is room for another.
    const [first] = calls;
    first?.webSocket?.accept();
    first?.webSocket?.send(JSON.stringify(START));
    first?.webSocket?.send(JSON.stringify({ event: "stop", streamSid: "MZ1" }));
    await vi.waitFor(async () => expect((await open()).status).toBe(101));
    const slow = { config: config({ key: "slow" }) };
    const statuses = [await ring(slow), await ring(slow), await ring(slow)].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  test("[N15] is without a key one of its own, with the limits of relay.config.ts", async () => {
    const limited = { config: { ...config(), limits: { sessionsPerMinute: 1 } } };
    // Other tests have rung on this account: its bucket is empty, or one call is left.
    await ring(limited);
    expect(await problemOf(await ring(limited))).toEqual([429, "rate_limited", null]);
  });
});

describe("the stream", () => {
  test("[N12] its token opens it once", async () => {
    const { stream, session } = partsOf(await (await ring()).text());
    const first = await connectTo(stream);
    expect(first.status).toBe(101);
    expect(await problemOf(await connectTo(stream))).toEqual([409, "token_used", null]);
    expect(await stateOf(session, bearer("key-operator"))).toMatchObject({
      status: "connected",
      model: "echo",
    });
    hangUp(first);
  });

  test("[N12] its token is worth nothing after that of a later stream", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { stream, again } = partsOf(await (await ring()).text());
    const first = await connectTo(stream);
    vi.setSystemTime(Date.now() + 2000);
    const later = partsOf(await (await ring({ url: again })).text());
    const second = await connectTo(later.stream);
    expect(second.status).toBe(101);
    expect(await problemOf(await connectTo(stream))).toEqual([409, "token_used", null]);
    hangUp(first);
    hangUp(second);
  });

  test("[N12] its token is good for a minute", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { stream } = partsOf(await (await ring()).text());
    vi.setSystemTime(Date.now() + 61_000);
    expect(await problemOf(await connectTo(stream))).toEqual([401, "token_expired", null]);
  });

  test("[N12] another token, one that was changed, and a session's token open nothing", async () => {
    const { stream } = partsOf(await (await ring()).text());
    const refused = [401, "invalid_credentials", null];
    expect(await problemOf(await connectTo(`${stream}x`))).toEqual(refused);
    expect(await problemOf(await connectTo(`${HOST}/v1/twilio/nothing`))).toEqual(refused);
    expect(await problemOf(await connectTo(`${HOST}/v1/twilio/${"a".repeat(9000)}`))).toEqual(refused);
    const { token } = await (
      await call("/v1/sessions", {
        method: "POST",
        headers: { ...bearer(), "Content-Type": "application/json" },
        body: '{"model":"echo"}',
      })
    ).json<{ token: string }>();
    expect(await problemOf(await connectTo(`${HOST}/v1/twilio/${token}`))).toEqual(refused);
  });

  test("[N12] without an upgrade it says what it is", async () => {
    const { stream } = partsOf(await (await ring()).text());
    const plain = await callWith(config(), BINDINGS, new Request(stream.replace(/^ws/, "http")));
    expect(await problemOf(plain)).toEqual([426, "upgrade_required", null]);
  });

  test("[N13] that ended while the call goes on is connected again, as long as its session lives", async () => {
    const { stream, again, session } = partsOf(await (await ring()).text());
    const before = await ring({ url: again });
    expect(await before.text()).toContain("<Hangup/>");
    const first = await connectTo(stream);
    const twiml = partsOf(await (await ring({ url: again })).text());
    expect(twiml.session).toBe(session);
    expect(twiml.stream).not.toBe(stream);
    const second = await connectTo(twiml.stream);
    expect(second.status).toBe(101);
    await call(`/v1/sessions/${session}`, { method: "DELETE", headers: bearer("key-operator") });
    expect(await (await ring({ url: again })).text()).toContain("<Hangup/>");
    expect(await problemOf(await ring({ url: `${HOST}/v1/twilio/sess_none` }))).toEqual([
      404,
      "session_not_found",
      null,
    ]);
    hangUp(first);
  });

  test("[N13] a stream that cannot be kept up is not asked for without end", async () => {
    const { stream, again } = partsOf(await (await ring()).text());
    const open = await connectTo(stream);
    let last = await ring({ url: again });
    for (let at = 0; at < 70 && last.status === 200; at += 1) last = await ring({ url: again });
    expect(await problemOf(last)).toEqual([429, "rate_limited", null]);
    hangUp(open);
  });

  test("[N14] an application gets one for a call of its own, of any carrier, on its key's account", async () => {
    const ask = (body: object, headers = bearer()) =>
      callWith(
        config(),
        BINDINGS,
        new Request(`${HOST}/v1/twilio/streams`, {
          method: "POST",
          headers: { ...headers, "Content-Type": "application/json" },
          body: JSON.stringify(body),
        }),
      );
    const response = await ask({ carrier: "telnyx", number: "+15550001", call: "v3:abc-_" });
    expect(response.status).toBe(201);
    const { id, url } = await response.json<{ id: string; url: string }>();
    const open = await connectTo(url);
    expect(open.status).toBe(101);
    expect(await stateOf(id, bearer())).toMatchObject({ status: "connected" });
    hangUp(open);
    expect(await problemOf(await ask({ carrier: "acme" }))).toEqual([422, "unprocessable", "carrier"]);
    expect(await problemOf(await ask({ number: "+15559999" }))).toEqual([404, "not_found", "To"]);
    expect(await problemOf(await ask({}, {}))).toEqual([401, "invalid_credentials", null]);
  });
});
