/** A route whose upstream is a Moshi server on loopback, with the codec that it needs. */
import { opus } from "../../durable-objects/opus.ts";
import { defineRelay } from "../../src/config/define.ts";

export default defineRelay({
  codecs: { opus },
  routes: {
    moshi: {
      upstreams: [
        {
          name: "moshi",
          adapter: "moshi",
          url: { env: "MOSHI_URL" },
          headers: { Authorization: { env: "MOSHI_KEY", prefix: "Bearer " } },
          voice: "NATM1",
          settings: { server: "personaplex", handshakeMs: 3000 },
        },
      ],
      session: { instructions: "You are Ann, and brief." },
    },
  },
});
