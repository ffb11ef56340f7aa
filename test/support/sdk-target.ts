/**
 * What the SDK scenarios are run against: the relay behind the TLS listener of `npm start -- --tls`, or, to prove
 * the scenarios themselves, the demo voice behind the same listener (`SDK_TARGET=demo`).
 */
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { createCertificate, startTlsFront } from "../../tools/relay/tls.ts";
import { startDemo } from "../../demo/server.ts";
import { startRelay } from "./relay.ts";

export interface SdkTarget {
  readonly name: "relay" | "demo";
  /** `https://127.0.0.1:PORT`, to which an SDK adds `/v1`. */
  readonly httpsUrl: string;
  readonly wssUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly caPem: string;
  close(): Promise<void>;
}

/** Which target this run is for: the relay, unless `SDK_TARGET=demo`. */
export const SDK_TARGET: SdkTarget["name"] = process.env["SDK_TARGET"] === "demo" ? "demo" : "relay";

/** Starts the target and makes this process trust its certificate. */
export async function startSdkTarget(): Promise<SdkTarget> {
  const target = await (SDK_TARGET === "demo" ? startDemoTarget() : startRelayTarget());
  trustCertificate(target.caPem);
  return target;
}

async function startRelayTarget(): Promise<SdkTarget> {
  const relay = await startRelay({ tls: true });
  if (relay.tlsUrl === null || relay.wssUrl === null || relay.caPem === null)
    throw new Error("no TLS listener");
  return {
    name: "relay",
    httpsUrl: relay.tlsUrl,
    wssUrl: relay.wssUrl,
    apiKey: relay.apiKey,
    model: "demo",
    caPem: relay.caPem,
    close: () => relay.close(),
  };
}

async function startDemoTarget(): Promise<SdkTarget> {
  const demo = await startDemo({ port: 0 });
  const certificate = await createCertificate();
  const front = await startTlsFront(0, demo.port, certificate);
  return {
    name: "demo",
    httpsUrl: `https://127.0.0.1:${front.port}`,
    wssUrl: `wss://127.0.0.1:${front.port}`,
    apiKey: "relay-dev",
    model: "demo",
    caPem: certificate.certPem,
    async close() {
      await front.close();
      await demo.close();
    },
  };
}

/**
 * For clients that take no `ca` option (native `WebSocket`, `fetch`): what `NODE_EXTRA_CA_CERTS` does, but at run
 * time.
 */
function trustCertificate(caPem: string): void {
  setDefaultCACertificates([...getCACertificates("default"), caPem]);
}
