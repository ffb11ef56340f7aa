/** Which model name leads to which plan. Typed, checked when the Worker starts; secrets are named, never written. */
import { defineRelay } from "./src/config/define.ts";

export default defineRelay({
  routes: {
    // The demo voice that `npm start` brings: no key needed.
    demo: {
      description:
        "A voice AI at the other end of this relay: speak or type, talk over an answer to stop it, cut the network to see it go on.",
      examples: ["Tell me a story.", "Count to 20.", "What can you do?"],
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
    },
    // Without anybody's key: models of Workers AI, by the binding that `npm run deploy` gives the Worker, paid as the Worker
    // is. Not offered on your own machine, where nothing needs an account (docs/upstreams.md).
    "workers-ai": {
      upstreams: [
        {
          name: "workers-ai",
          adapter: "cascade",
          parts: {
            transcriber: { adapter: "workers-ai-flux", binding: "AI", model: "@cf/deepgram/flux" },
            text: {
              adapter: "workers-ai",
              binding: "AI",
              model: "@cf/google/gemma-4-26b-a4b-it",
              // It thinks before it speaks unless it is told not to.
              settings: { body: { chat_template_kwargs: { enable_thinking: false } } },
            },
            speech: { adapter: "workers-ai-aura", binding: "AI", model: "@cf/deepgram/aura-2-en" },
          },
        },
      ],
      session: {
        instructions:
          "You are on the telephone. Answer in one to three short sentences, in plain words, without lists or signs.",
      },
    },
    // Says back what it hears, inside the object.
    echo: {
      description: "Says back what it hears, from inside the relay: how long the way to it and back is.",
      upstreams: [{ name: "echo", adapter: "echo" }],
    },
    // Two upstreams in one session: both hear the caller, the caller hears both, tagged.
    "demo+echo": {
      description:
        "Two upstreams in one call: both hear you, and you hear both, each on a stream of its own.",
      examples: ["Count to 20."],
      upstreams: [
        { name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } },
        { name: "echo", adapter: "echo" },
      ],
    },
    // Two voices as one: both are asked, and the first that can be heard answers (docs/plans.md).
    "demo-race": {
      description:
        "Two voices race: both are asked, each takes .1 to 1.5 s, and you hear the first. Both know what you heard.",
      examples: ["Count to 20.", "What did you just say?", "Tell me a story."],
      plan: "race",
      upstreams: ["marin", "cedar"].map((voice) => ({
        name: voice,
        adapter: "openai-compatible",
        url: { env: "DEMO_URL" },
        headers: {
          "x-demo-voice": voice,
          "x-demo-first-audio-ms": "100",
          "x-demo-first-audio-spread-ms": "1400",
        },
      })),
    },
    // The second is asked only when the first is late.
    "demo-hedge": {
      description:
        "Two voices, one in reserve: the second is asked only when the first has not been heard for .7 s.",
      examples: ["Count to 20.", "What did you just say?", "Tell me a story."],
      plan: "hedge",
      hedgeMs: 700,
      upstreams: [
        { name: "marin", spread: "1400" },
        { name: "cedar", spread: "0" },
      ].map(({ name, spread }) => ({
        name,
        adapter: "openai-compatible",
        url: { env: "DEMO_URL" },
        headers: {
          "x-demo-voice": name,
          "x-demo-first-audio-ms": "100",
          "x-demo-first-audio-spread-ms": spread,
        },
      })),
    },
    // Two voices at one table: they answer in turns, or who is called by name.
    "demo-panel": {
      description: "Two voices at one table: they answer in turns, or the one that you call by name.",
      examples: ["Tell me a story.", "Marin, count to 20.", "Cedar, what can you do?"],
      plan: "panel",
      upstreams: ["marin", "cedar"].map((voice) => ({
        name: voice,
        adapter: "openai-compatible",
        url: { env: "DEMO_URL" },
        headers: { "x-demo-voice": voice },
      })),
    },
    // It takes a while, and says so: the sentence is the relay's own (docs/sounds.md).
    "demo-filler": {
      description:
        "A voice that takes four seconds to answer, and a relay that says so meanwhile: the sentence is no model's, and stops for the answer. Tell it something long, and it says that it listens.",
      examples: ["What can you do?", "Count to 20."],
      upstreams: [
        {
          name: "demo",
          adapter: "openai-compatible",
          url: { env: "DEMO_URL" },
          headers: { "x-demo-first-audio-ms": "4000" },
        },
      ],
      speech: {
        adapter: "openai-speech",
        url: { env: "DEMO_SPEECH_URL" },
        model: "demo-voice",
        settings: { voice: "cedar" },
      },
      fillers: { afterMs: 1000, everyMs: 3000, sounds: ["moment", "still"] },
      // Who tells it something long is told that it listens.
      backchannels: { afterMs: 6000, sounds: ["mhm"] },
    },
    // Words are judged before they are heard: ask it for a story, and mind the weather (docs/guard.md).
    "demo-guard": {
      description:
        "A voice whose words are judged before they are heard: its story mentions the weather, which is vetoed here, and the relay says a sentence in its place.",
      examples: ["Tell me a story.", "Count to 20."],
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
      guard: {
        output: {
          holdMs: 1000,
          fail: "closed",
          replacement: "I would rather not talk about the weather.",
          moderators: [{ adapter: "patterns", patterns: { weather: ["\\bstorms?\\b"] } }],
        },
      },
      speech: {
        adapter: "openai-speech",
        url: { env: "DEMO_SPEECH_URL" },
        model: "demo-voice",
        settings: { voice: "cedar" },
      },
    },
    // It hands on what takes a while, and tells you later: write "Book me a table for two", and go on talking (docs/background.md).
    "demo-delegate": {
      description:
        "A quick voice with a slow mind behind it: what takes a while is handed on, you go on talking, and it is told later.",
      examples: ["Book me a table for two.", "Find me a flight.", "Count to 20."],
      upstreams: [{ name: "demo", adapter: "openai-compatible", url: { env: "DEMO_URL" } }],
      background: {
        text: { adapter: "chat-completions", url: { env: "DEMO_TEXT_URL" }, model: "demo-thinker" },
        description:
          "Looks for and books what takes a while: a table in a restaurant, a flight, a hotel, an order, a parcel.",
      },
    },
    // OpenAI under one name. Offered only where the binding exists: `wrangler secret put OPENAI_API_KEY`,
    // or a line in .dev.vars. `settings` are the adapter's own (src/upstreams).
    openai: {
      upstreams: [
        {
          name: "openai",
          adapter: "openai-compatible",
          url: "https://api.openai.com/v1/realtime",
          model: "gpt-realtime-2.1",
          headers: { Authorization: { env: "OPENAI_API_KEY", prefix: "Bearer " } },
        },
      ],
      // What sessions of this route start with; the client's session.update goes on top.
      // session: { instructions: "Answer briefly.", audio: { output: { voice: "marin" } } },
      // What of it nobody may change, and which kinds of tools a session may be given.
      // locked: ["instructions", "prompt", "tracing", "unknown"],
      // toolTypes: ["function"],
    },

    // Gemini Live, by the same wire for the client: `wrangler secret put GEMINI_API_KEY`.
    gemini: {
      upstreams: [
        {
          name: "gemini",
          adapter: "gemini-live",
          model: "gemini-2.5-flash-native-audio-preview-09-2025",
          headers: { "x-goog-api-key": { env: "GEMINI_API_KEY" } },
        },
      ],
    },
    // A cascade: words, an answer and a voice from three providers, or from servers of your own (docs/upstreams.md).
    // cascade: {
    //   upstreams: [
    //     {
    //       name: "cascade",
    //       adapter: "cascade",
    //       parts: {
    //         transcriber: {
    //           adapter: "deepgram-flux",
    //           headers: { Authorization: { env: "DEEPGRAM_API_KEY", prefix: "Token " } },
    //         },
    //         text: { adapter: "chat-completions", url: { env: "TEXT_URL" }, model: "llama-3.3-70b" },
    //         speech: { adapter: "openai-speech", url: { env: "SPEECH_URL" }, model: "kokoro" },
    //       },
    //     },
    //   ],
    // },
    // Kyutai's Moshi or NVIDIA's PersonaPlex, on a machine of your own: above `routes` stands `codecs: { opus }`, imported from
    // "./durable-objects/opus.ts" (docs/upstreams.md).
    // moshi: { upstreams: [{ name: "moshi", adapter: "moshi", url: { env: "MOSHI_URL" } }] },
    // A provider with a second one behind it. `standby` keeps the second connected, so that it takes over at once;
    // provider caps are rolled over by themselves; two minutes of silence hang up until someone speaks.
    // careful: {
    //   upstreams: [
    //     {
    //       name: "voice",
    //       adapter: "openai-compatible",
    //       url: "https://api.openai.com/v1/realtime",
    //       model: "gpt-realtime-2.1",
    //       headers: { Authorization: { env: "OPENAI_API_KEY", prefix: "Bearer " } },
    //       fallback: [{ adapter: "openai-compatible", url: { env: "SECOND_URL" } }],
    //       standby: true,
    //     },
    //   ],
    //   parkAfterMs: 120_000,
    //   sessionMinutes: 240,
    // },
    // Every model of the provider under its own name: make this the defaultRoute, and `model: "*"` passes on
    // whatever the client asked for.
    // "openai-any": {
    //   upstreams: [
    //     {
    //       name: "openai",
    //       adapter: "openai-compatible",
    //       url: "https://api.openai.com/v1/realtime",
    //       model: "*",
    //       headers: { Authorization: { env: "OPENAI_API_KEY", prefix: "Bearer " } },
    //     },
    //   ],
    // },
  },
  // What the relay plays and says by itself (docs/sounds.md).
  sounds: {
    moment: { text: "One moment, please." },
    still: { text: "I am still thinking." },
    mhm: { text: "Mm-hm." },
  },
  // Model strings that name no route come here, so that a client keeps its own: to the first that is offered. On your machine
  // that is the demo voice, deployed without a provider's key Workers AI.
  defaultRoute: ["demo", "workers-ai"],
  // Pages and apps of other origins that may call. The relay's own page always may.
  // allowedOrigins: ["https://app.example.com", "https://*.example.com", "chrome-extension://<id>", "capacitor://localhost"],
  // Telephone numbers whose calls are answered (docs/telephone.md). On loopback in development none is needed.
  // twilio: {
  //   authToken: { env: "TWILIO_AUTH_TOKEN" },
  //   numbers: { "+15551234567": { model: "openai", greeting: "Greet the caller and ask what you can do." } },
  // },
  // Of every API key that brings no limits of its own (npm run keys -- limit). RATE_LIMIT in wrangler.toml counts as well.
  // Also: answersPerMinute, minutesPerDay (of all its sessions), sessionAnswersPerMinute, sessionMinutes.
  limits: { sessionsPerMinute: 60, concurrent: 20, sessionsPerSecret: 100 },
});
