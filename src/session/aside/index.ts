/** What the relay plays by itself, beside the conversation: fillers and backchannels of a route, and what its application has said. */
import { ClientError } from "../../protocol/client-error.ts";
import { isSpeakable } from "../../upstreams/cascade/synthesiser.ts";
import type { UpstreamInput } from "../channel-peers.ts";
import { Announcements, type AnnouncementParts, type KeptAnnouncement } from "./announcements.ts";
import { Backchannels, type BackchannelParts, type BackchannelsSnapshot } from "./backchannels.ts";
import { Fillers, type FillerParts, type FillersSnapshot } from "./fillers.ts";
import { KeptSpeech, type SpeechStore } from "./kept-speech.ts";
import {
  isSentence,
  type BackchannelPlan,
  type FillerPlan,
  type Sounds,
  type SpeechPlan,
} from "../state/sounds.ts";
import { SoundPlayer, type PlayerParts, type PlayerSnapshot } from "./player.ts";
import type { Configuration } from "./ports.ts";
import { readSay, type SayMessage } from "./say.ts";
import { Sentences } from "./sentences.ts";
import { SPEECH_PEER, type SynthesisSnapshot } from "./synthesis.ts";

interface AsideParts extends PlayerParts, FillerParts, BackchannelParts, AnnouncementParts {
  readonly config: Configuration;
  readonly floor: AnnouncementParts["floor"] & BackchannelParts["floor"];
  readonly listener: AnnouncementParts["listener"];
  readonly tools: (NonNullable<FillerParts["tools"]> & NonNullable<AnnouncementParts["tools"]>) | null;
  readonly turns: AnnouncementParts["turns"] & BackchannelParts["turns"];
}

/** What a plan says of it. */
interface AsidePlans {
  readonly fillers?: FillerPlan;
  readonly backchannels?: BackchannelPlan;
  readonly sounds?: Sounds;
  readonly speech?: SpeechPlan;
}

/** Who has something said. */
interface SaidBy {
  readonly client: boolean;
  /** A sentence costs what an answer does. */
  readonly budget: { refusedAnswer(): ClientError | null };
}

/** Of a session that shares its memory with none. */
const OWN_STORE_BYTES = 1024 * 1024;
/** What is said in place of a refused answer is of no use later. */
const INSTEAD_MS = 5000;

export class Asides {
  readonly #parts: AsideParts;
  readonly #player: SoundPlayer;
  readonly #sentences: Sentences | null;
  readonly #fillers: Fillers | null;
  readonly #backchannels: Backchannels | null;
  readonly #announcements: Announcements;
  readonly #sounds: Sounds | undefined;
  readonly #clients: boolean;

  constructor(parts: AsideParts, { fillers, backchannels, sounds, speech }: AsidePlans, store?: SpeechStore) {
    this.#parts = parts;
    this.#player = new SoundPlayer(parts);
    this.#sounds = sounds;
    this.#clients = speech?.clients === true;
    this.#sentences =
      speech === undefined
        ? null
        : new Sentences(parts.context, speech, store ?? new KeptSpeech(OWN_STORE_BYTES));
    this.#fillers = fillers ? new Fillers(parts, fillers, this.#player, this.#sentences) : null;
    this.#backchannels = backchannels
      ? new Backchannels(parts, backchannels, this.#player, this.#sentences)
      : null;
    this.#announcements = new Announcements(parts, this.#player, {
      leadMs: () => parts.config.relay(parts.port).leadMs,
      sentences: this.#sentences,
      soundNamed: (name) => sounds?.get(name),
    });
  }

  /** An announcement is being said: answers wait behind it, and the caller interrupts it. */
  get speaking(): boolean {
    return this.#announcements.speaking;
  }

  get busy(): boolean {
    return this.#announcements.busy;
  }

  /** An announcement is said at the next gap, or is being said: for one that is not spoken yet nobody waits. */
  get ready(): boolean {
    return this.#announcements.ready;
  }

  /** A sentence is being spoken, for now or for later. */
  get asks(): boolean {
    return this.#sentences?.busy === true;
  }

  /** What the microphone hears in the caller's turn may be a backchannel of the relay's. */
  get echoes(): boolean {
    return this.#backchannels?.echoes === true;
  }

  /** `relay.say`. @throws ClientError */
  request(message: SayMessage, { client, budget }: SaidBy): void {
    const { config, context } = this.#parts;
    if (client && !this.#clients)
      throw new ClientError(
        "invalid_value",
        "On this route the application alone has something said ('speech.clients').",
        "type",
      );
    if (config.transcriptionOnly)
      throw new ClientError(
        "invalid_event_for_session",
        "Nobody hears anything in a transcription session.",
        "type",
      );
    const announcement = readSay(message, {
      format: config.outputFormat,
      named: (name) => this.#sounds?.get(name),
      newId: () => context.newId("item"),
      speaks: this.#sentences !== null,
      client,
    });
    this.#announcements.require(announcement);
    const costs = isSentence(announcement.said) && announcement.said.fixed !== true;
    const refusal = costs ? budget.refusedAnswer() : null;
    if (refusal) throw refusal;
    this.#announcements.say(announcement);
  }

  /** An answer was refused, and the conversation has this item in its place: it is spoken, where somebody can. */
  instead(id: string, text: string): void {
    const { config, port } = this.#parts;
    if (this.#sentences === null || !port.extended || config.modality !== "audio" || !isSpeakable(text))
      return;
    const said = { text, fixed: true } as const;
    const announcement = { id, said, interrupts: false, expiresMs: INSTEAD_MS, passes: true } as const;
    try {
      this.#announcements.require(announcement);
    } catch (error) {
      if (error instanceof ClientError) return;
      throw error;
    }
    this.#announcements.say(announcement);
  }

  /** The first sample of an answer, or more of one, is about to be sent. */
  answered(): void {
    this.#fillers?.answered();
    this.#backchannels?.answered();
  }

  /** What comes of the voice's connections. */
  input(input: UpstreamInput): void {
    this.#sentences?.input(input);
  }

  /** A deadline `aside:<which>:<what>` came; of others it is enough that it did. */
  due(which: string, what: string): void {
    if (which === SPEECH_PEER) this.#sentences?.due(what);
  }

  /** At the end of everything that happens: what waited behind an announcement may be said when that is over. */
  settle(): void {
    const spoke = this.speaking;
    this.#sentences?.settle();
    this.#announcements.settle();
    this.#backchannels?.settle();
    this.#fillers?.settle();
    this.#player.pump();
    if (spoke && !this.speaking) this.#parts.responses.drain();
  }

  /** The session is over. */
  hangUp(): void {
    this.#sentences?.hangUp();
  }

  /** The object died, and its connections with it. */
  died(): void {
    this.#sentences?.died();
  }

  /** Only where there is something to keep. */
  snapshot(): { readonly asides?: AsidesSnapshot } {
    const player = this.#player.snapshot();
    const fillers = this.#fillers?.snapshot();
    const { lost: said, texts } = this.#announcements.snapshot();
    const speech = this.#sentences?.snapshot();
    const spoken = speech !== undefined && speech.numbered > 0;
    const backchannels = this.#backchannels?.snapshot() ?? null;
    const idle = fillers === undefined || (fillers.played === 0 && fillers.wait === null);
    if (player === null && idle && backchannels === null && said.length + texts.length === 0 && !spoken)
      return {};
    return {
      asides: {
        player,
        ...(fillers && { fillers }),
        ...(backchannels && { backchannels }),
        ...(said.length > 0 && { said }),
        ...(texts.length > 0 && { texts }),
        ...(spoken && { speech }),
      },
    };
  }

  restore(snapshot: AsidesSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#player.restore(snapshot.player);
    if (snapshot.fillers) this.#fillers?.restore(snapshot.fillers);
    if (snapshot.backchannels) this.#backchannels?.restore(snapshot.backchannels);
    this.#announcements.restore({ lost: snapshot.said ?? [], texts: snapshot.texts ?? [] });
    if (snapshot.speech) this.#sentences?.restore(snapshot.speech);
  }
}

export interface AsidesSnapshot {
  readonly player: PlayerSnapshot | null;
  readonly fillers?: FillersSnapshot;
  readonly backchannels?: BackchannelsSnapshot;
  /** Names of announcements that wait or are being said, and are sounds. */
  readonly said?: readonly string[];
  /** Those that wait and are words. */
  readonly texts?: readonly KeptAnnouncement[];
  readonly speech?: SynthesisSnapshot;
}
