/** The page at `/`: a call with any route of the relay, by voice or in writing, and everything on its wire. */
import { createCall, openCall, type AudioDevice, type Call, type CallState } from "../index.ts";
import { numberAt } from "../json.ts";
import { element } from "./elements.ts";
import { EventLog } from "./event-log.ts";
import { Figures } from "./figures.ts";
import { Routes } from "./routes.ts";
import { Scope } from "./scope.ts";
import { Transcript } from "./transcript.ts";

const STATE_NAMES: Readonly<Record<CallState, string>> = {
  connecting: "Connecting …",
  open: "Connected",
  reconnecting: "Connection lost, trying again …",
  closed: "Not connected",
};
/** What the floor decided about a sound over an answer, for the status line. */
const FLOOR_NAMES: Readonly<Record<string, string>> = {
  duck: "listening to you …",
  hold: "listening to you …",
  interrupt: "you interrupted",
  backchannel: "a word aside: went on",
  noise: "a noise: went on",
  echo: "an echo: went on",
  background: "somebody else: went on",
};

const door = element("door", HTMLFormElement);
const model = element("model", HTMLSelectElement);
const key = element("key", HTMLInputElement);
const connectButton = element("connect", HTMLButtonElement);
const state = element("state", HTMLParagraphElement);
const notice = element("notice", HTMLParagraphElement);
const microphone = element("microphone", HTMLButtonElement);
const composer = element("composer", HTMLFormElement);
const text = element("text", HTMLInputElement);
const send = element("send", HTMLButtonElement);
const stop = element("stop", HTMLButtonElement);
const mute = element("mute", HTMLButtonElement);
const blocked = element("blocked", HTMLParagraphElement);
const transcriptList = element("transcript", HTMLOListElement);
const callSection = document.querySelector<HTMLElement>(".call");

/** What the browser keeps from sounding, and what helps. */
const BLOCKED: Readonly<Record<AudioDevice, string>> = {
  loudspeaker: "The browser keeps the sound off: click or press any key to hear the answers.",
  microphone: "The browser or another call has the microphone: nothing is heard of you until you click here.",
};

const transcript = new Transcript();
const log = new EventLog();
const scope = new Scope();
const figures = new Figures(() => scope.mark());
const routes = new Routes((words) => void tryOut(words));

let call: Call | null = null;
/** While one is being connected. */
let starting: Promise<void> | null = null;

door.addEventListener("submit", (event) => {
  event.preventDefault();
  if (call === null) void begin();
  else call.close();
});
composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (say(text.value.trim())) text.value = "";
});
mute.addEventListener("click", () => {
  if (call !== null) call.microphone.muted = !call.microphone.muted;
});
// The stylesheet gives the call what is left of the first screen.
const above = (): void =>
  document.documentElement.style.setProperty("--above", `${callSection?.offsetTop ?? 0}px`);
const observer = new ResizeObserver(above);
for (const part of document.querySelectorAll(".bar, .intro, .notice")) observer.observe(part);
microphone.addEventListener("click", () => void toggleMicrophone());
stop.addEventListener("click", () => call?.interrupt());
key.addEventListener("change", () => void showModels());

// `npm start` prints an address with the key that it drew: a fragment is sent to nobody. The development key is accepted on
// loopback alone and opens no route that costs (README), so it is no secret to prefill it there.
const drawn = new URLSearchParams(location.hash.slice(1)).get("key");
const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
key.value = drawn ?? (loopback ? "relay-dev" : "");
void showModels();

/** False: there is nobody to say it to, or nothing to say. */
function say(words: string): boolean {
  if (call === null || words === "") return false;
  figures.turnEnded();
  return call.sendText(words);
}

async function tryOut(words: string): Promise<void> {
  if (call === null || starting !== null) await begin();
  say(words);
}

/** One at a time: whoever wants it meanwhile waits for the same. */
function begin(): Promise<void> {
  starting ??= startCall().finally(() => (starting = null));
  return starting;
}

async function startCall(): Promise<void> {
  const started = createCall({
    session: { audio: { input: { transcription: { model: "gpt-transcribe" } } } },
  });
  call = started;
  tell("");
  follow(started);
  showState("connecting");
  try {
    await openCall(started, { url: location.origin, apiKey: key.value, model: model.value });
    text.focus();
  } catch (error) {
    tell(messageOf(error));
  }
}

/** Shows what becomes of it. */
function follow(started: Call): void {
  showBlocked(new Set());
  for (const part of [transcript, log, scope, figures]) part.follow(started);
  started.on("microphone", showMicrophone);
  started.on("muted", showMicrophone);
  const silent = new Set<AudioDevice>();
  started.on("blocked", ({ device }) => showBlocked(silent.add(device)));
  started.on("unblocked", ({ device }) => {
    silent.delete(device);
    showBlocked(silent);
  });
  started.on("error", ({ error }) => tell(error.message));
  started.on("reconnecting", ({ attempt }) => {
    state.textContent = `Connection lost, attempt ${attempt} …`;
  });
  // Told before the state that follows from it.
  let resumed = "";
  started.on("resumed", ({ verdict, missing, forgotten }) => {
    const gap = (numberAt(missing, "messages") ?? 0) + (forgotten ? forgotten[1] - forgotten[0] + 1 : 0);
    resumed = verdict === "partial" ? `resumed, ${gap} messages are missing` : "resumed";
  });
  started.on("overlap", ({ decision }) => showDetail(FLOOR_NAMES[decision] ?? decision));
  started.on("response", ({ status, message, reason }) => {
    if (status === "in_progress") showDetail(resumed);
    if (status === "failed") tell(`The answer failed: ${message ?? reason ?? "nobody said why"}`);
  });
  started.on("overflow", ({ messages, audioMs }) => {
    tell(
      `${messages} messages (${(audioMs / 1000).toFixed(1)} s of audio) could not be kept until they arrived`,
    );
  });
  started.on("state", ({ state: now, close }) => {
    if (now === "closed" && call === started) call = null;
    showState(now);
    if (now === "open") showDetail(resumed);
    showMicrophone();
    if (now === "closed" && close !== null && close.code !== 1000)
      tell(close.reason || `The connection ended with code ${close.code}`);
  });
}

/** Before a call it begins one: the first click is enough to talk. */
async function toggleMicrophone(): Promise<void> {
  if (call === null) await begin();
  const current = call;
  if (current === null) return;
  if (current.microphone.active) {
    current.microphone.stop();
  } else {
    microphone.disabled = true;
    try {
      await current.microphone.start();
      tell("");
    } catch (error) {
      tell(messageOf(error));
    }
    microphone.disabled = false;
  }
}

function showState(now: CallState): void {
  state.dataset["state"] = document.body.dataset["state"] = now;
  state.textContent = STATE_NAMES[now];
  // What is said while the connection is being resumed is kept.
  const open = now === "open" || now === "reconnecting";
  connectButton.textContent = now === "closed" ? "Connect" : "Hang up";
  connectButton.classList.toggle("primary", now === "closed");
  transcriptList.dataset["empty"] = open ? "Talk or type." : "Press Talk, or connect and type.";
  model.disabled = key.disabled = now !== "closed";
  text.disabled = send.disabled = stop.disabled = !open;
  microphone.disabled = now === "connecting";
}

/** Behind the state, until the next one. */
function showDetail(detail: string): void {
  const name = STATE_NAMES.open;
  state.textContent = detail === "" ? name : `${name} · ${detail}`;
}

function showMicrophone(): void {
  const active = call?.microphone.active === true;
  const muted = call?.microphone.muted === true;
  mute.hidden = !active;
  mute.ariaPressed = String(muted);
  mute.textContent = muted ? "Unmute" : "Mute";
  microphone.ariaPressed = String(active);
  const label = microphone.querySelector("span");
  const listening = muted ? "Muted" : "Listening";
  if (label !== null) label.textContent = active ? listening : "Talk";
}

async function showModels(): Promise<void> {
  if (key.value === "") return;
  try {
    await routes.show(location.origin, key.value);
    tell("");
  } catch (error) {
    tell(messageOf(error));
  }
}

function showBlocked(devices: ReadonlySet<AudioDevice>): void {
  blocked.textContent = Array.from(devices, (device) => BLOCKED[device]).join(" ");
  blocked.hidden = devices.size === 0;
}

function tell(message: string): void {
  notice.textContent = message;
  notice.hidden = message === "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "It failed, and did not say why.";
}
