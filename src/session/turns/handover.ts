/** Who finds turns is another from now on: the relay, a provider, or the client with its commits. */
import { formatKey, type AudioFormat } from "../../audio/format.ts";
import type { TurnDetection } from "../../protocol/session-config.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { InputListener } from "./audio-input.ts";
import type { PresentTurn } from "./present-turn.ts";
import type { Deciding } from "./who-decides.ts";

export class Handover {
  readonly #turn: PresentTurn;
  readonly #listener: InputListener;

  constructor(turn: PresentTurn, listener: InputListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  /** @param handsOver only who decides is another: what the caller says meanwhile goes on. */
  configure(
    { edge: detection, witness }: Deciding,
    format: AudioFormat,
    turnDetection: TurnDetection | null,
    handsOver: boolean,
  ): void {
    const turn = this.#turn;
    turn.flow.cut(turnDetection?.type === "duplex" ? turnDetection.frame_ms * TICKS_PER_MS : 0);
    turn.provider.configure(turnDetection);
    this.#hear(format);
    const [before, detects] = [turn.phase, detection || witness];
    // What a resampler still holds of what was before is in no buffer that begins now.
    if (before === "listening" && !detection) turn.input.flush();
    const goesOn = handsOver && turn.detects && detects;
    if (!goesOn && (turn.detects !== detects || (before !== "manual") !== detection)) turn.anew(detects);
    turn.step(detection ? "vad_on" : "vad_off");
    if ((before !== "manual") === detection) return;
    turn.advance.takeBack();
    if (before === "speaking") {
      // The announced turn goes on in the client's hands, under a name that was not announced yet.
      turn.flow.forward();
      turn.item.renew();
      if (goesOn) turn.witnessed({ type: "started", prefixTicks: turn.at.startTicks });
    } else if (before === "manual") {
      if (goesOn) this.#takeOver();
      else this.#toEdge();
    } else turn.beginAt(turn.input.ticks);
    turn.watch.look();
  }

  #hear(format: AudioFormat): void {
    const turn = this.#turn;
    if (formatKey(format) === formatKey(turn.input.format)) return;
    turn.input.setFormat(format, this.#listener);
    turn.flow.setFormat(format, turn.phase !== "listening");
  }

  /** A provider that took the turns is gone, and they are found here: what nobody made a turn of is one, or becomes one. */
  #takeOver(): void {
    const turn = this.#turn;
    turn.providerLost();
    const { witnessTicks, unmadeTicks } = turn.at;
    turn.at.witnessTicks = null;
    turn.beginAt(turn.at.startTicks, turn.at.bufferTicks);
    if (witnessTicks !== null) turn.speechBegan(unmadeTicks ?? witnessTicks);
    else if (unmadeTicks !== null) turn.adopt(unmadeTicks, turn.input.ticks);
  }

  /** From now on turns are found here: what the client had not committed is in none of them. */
  #toEdge(): void {
    const turn = this.#turn;
    // What a provider announced meanwhile is its own affair from now on.
    turn.providerLost();
    if (turn.input.ticks > turn.at.startTicks) {
      for (const link of turn.flow.turnLinks) link.command({ type: "clear" });
      turn.item.drop();
    }
    turn.beginAt(turn.input.ticks);
  }
}
