/** What the relay plays by itself, beside the conversation: fillers of a route, and what its application has said. */
import type { Plan } from "../state/plan.ts";
import { Announcements, type Announcement, type AnnouncementParts } from "./announcements.ts";
import { Fillers, type FillerParts, type FillersSnapshot } from "./fillers.ts";
import type { Sound } from "../state/sounds.ts";
import { SoundPlayer, type PlayerParts, type PlayerSnapshot } from "./player.ts";
import type { Configuration } from "./ports.ts";

interface AsideParts extends PlayerParts, FillerParts, AnnouncementParts {
  readonly config: Configuration;
  readonly floor: AnnouncementParts["floor"];
  readonly listener: AnnouncementParts["listener"];
  readonly tools: (NonNullable<FillerParts["tools"]> & NonNullable<AnnouncementParts["tools"]>) | null;
  readonly turns: AnnouncementParts["turns"];
}

export class Asides {
  readonly #parts: AsideParts;
  readonly #player: SoundPlayer;
  readonly #fillers: Fillers | null;
  readonly #announcements: Announcements;
  readonly #sounds: Plan["sounds"];

  constructor(parts: AsideParts, { fillers, sounds }: Pick<Plan, "fillers" | "sounds">) {
    this.#parts = parts;
    this.#player = new SoundPlayer(parts);
    this.#fillers = fillers ? new Fillers(parts, fillers, this.#player) : null;
    this.#announcements = new Announcements(parts, this.#player, () => parts.config.relay(parts.port).leadMs);
    this.#sounds = sounds;
  }

  /** An announcement is being said: answers wait behind it, and the caller interrupts it. */
  get speaking(): boolean {
    return this.#announcements.speaking;
  }

  get busy(): boolean {
    return this.#announcements.busy;
  }

  /** A sound of the configuration by its name. */
  soundNamed(name: string): Sound | undefined {
    return this.#sounds?.get(name);
  }

  /** @throws ClientError */
  say(announcement: Announcement): void {
    this.#announcements.say(announcement);
  }

  /** The first sample of an answer, or more of one, is about to be sent. */
  answered(): void {
    this.#fillers?.answered();
  }

  /** At the end of everything that happens: what waited behind an announcement may be said when that is over. */
  settle(): void {
    const spoke = this.speaking;
    this.#announcements.settle();
    this.#fillers?.settle();
    this.#player.pump();
    if (spoke && !this.speaking) this.#parts.responses.drain();
  }

  /** Only where there is something to keep. */
  snapshot(): { readonly asides?: AsidesSnapshot } {
    const player = this.#player.snapshot();
    const fillers = this.#fillers?.snapshot();
    const said = this.#announcements.snapshot();
    const idle = fillers === undefined || (fillers.played === 0 && fillers.wait === null);
    if (player === null && idle && said.length === 0) return {};
    return { asides: { player, ...(fillers && { fillers }), ...(said.length > 0 && { said }) } };
  }

  restore(snapshot: AsidesSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#player.restore(snapshot.player);
    if (snapshot.fillers) this.#fillers?.restore(snapshot.fillers);
    this.#announcements.restore(snapshot.said ?? []);
  }
}

export interface AsidesSnapshot {
  readonly player: PlayerSnapshot | null;
  readonly fillers?: FillersSnapshot;
  /** Names of announcements that wait or are being said. */
  readonly said?: readonly string[];
}
