/** Every buffer's bound and every wait's deadline, with its unit and what it stops. */
export interface Limits {
  /** Upstreams in one plan: fan-out multiplies every frame. */
  readonly upstreams: number;
  /** Characters or bytes of one client message. OpenAI allows 15 MiB of base64 in one append, so that much passes. */
  readonly clientMessageSize: number;
  /** Characters of one client message that is not audio: a JSON bomb costs a parse. Images and history fit. */
  readonly clientEventSize: number;
  /** Bytes or characters of one upstream message: a hostile provider must not exhaust the isolate's 128 MB. */
  readonly upstreamMessageSize: number;
  /** Items in the conversation; the oldest finished one is forgotten beyond it. */
  readonly items: number;
  /** Characters of JSON in one item. */
  readonly itemSize: number;
  /**
   * Milliseconds of audio in one created item or one response's input: in an upstream's format and in base64 it may have
   * sixteen times its bytes.
   */
  readonly itemAudioMs: number;
  /** Characters of text and arguments one response may produce. */
  readonly responseTextSize: number;
  /** Bytes of item audio kept for `conversation.item.retrieve` and for replay, oldest dropped first. */
  readonly archiveBytes: number;
  /** Milliseconds of input audio held for pre-roll and for an upstream that must hear a turn again. */
  readonly inputHistoryMs: number;
  /** Input is worked through in pieces of at most this, so that one huge append cannot outrun the history. */
  readonly inputSliceMs: number;
  /** Audio bytes waiting for an upstream that is still dialling (87 s of 24 kHz PCM). Beyond it the oldest goes, which is told. */
  readonly backlogBytes: number;
  /** Commands waiting likewise. Beyond it the link is given up, aloud. */
  readonly backlogCommands: number;
  /** Bytes of an upstream's audio waiting for the listener, per response (87 s of 24 kHz PCM). */
  readonly laneBytes: number;
  /** Bytes sent to a `duplex.v1` client and not acknowledged (30 s of 24 kHz PCM); what falls out is told. */
  readonly outboxBytes: number;
  /** Bytes in a client's socket beyond which answers wait in their lanes: a client that does not read. */
  readonly clientBufferedBytes: number;
  /** Bytes in an upstream's socket beyond which the caller's audio waits in the history (4 s of base64 PCM). */
  readonly upstreamBufferedBytes: number;
  /** Bytes of audio in one message to a client (240 kB of base64): common clients refuse what is over 1 MiB. */
  readonly audioMessageBytes: number;
  /** Characters of words in one such message; a character may take six in JSON. */
  readonly textMessageChars: number;
  /** Characters of JSON in one output item of a kind that the relay does not know. */
  readonly otherItemSize: number;
  /** Content parts of one message. */
  readonly parts: number;
  /** Responses in progress at once, out-of-band ones included. */
  readonly activeResponses: number;
  /** Finished responses whose late upstream events are still recognised and dropped. */
  readonly finishedResponses: number;
  /** Shell: an upstream's socket must open within this. */
  readonly dialMs: number;
  /** An open upstream must be configured within this. */
  readonly readyMs: number;
  /** An update of the session is told when the upstream took it, or after this. */
  readonly configuredMs: number;
  /** A response must show a sign of life within this after it was asked for. */
  readonly firstOutputMs: number;
  /** A response that has begun must go on within this. */
  readonly progressMs: number;
  /**
   * With a fallback: nothing heard for so long, of an answer that is owed or has run dry, is a stall. A little less than
   * the two seconds that are promised, because timers are late.
   */
  readonly stallMs: number;
  /** The end of an answer that was cancelled is owed for so long, where another answer waits for it. */
  readonly cancelMs: number;
  /** The client's `response.done` of an answer that was cancelled waits so long for what the answer cost. */
  readonly usageMs: number;
  /** A `response.create` waits so long for the end of the caller's turn. */
  readonly heldMs: number;
  /** A client that acknowledges playback and then does not is taken to have played on for so long. */
  readonly playsOnMs: number;
  /** An upstream with a full socket that has taken nothing for so long, by the clock, is given up. */
  readonly overrunMs: number;
  /** A client with a full socket that takes nothing for so long is given up. */
  readonly stuckMs: number;
  /** An answer of nothing but near-zero audio for so long is a provider that has fallen silent. */
  readonly silentAnswerMs: number;
  /** Redials of a failed upstream, doubling from the first figure up to the second. */
  readonly redialFirstMs: number;
  readonly redialMostMs: number;
  readonly redials: number;
  /** Dials of one link in any minute, however useful each was: a provider that fails after each answer. */
  readonly dialsPerMinute: number;
  /** Answers of one link that the relay asks for again or to be continued in any minute: each costs. */
  readonly asksPerMinute: number;
  /** Standbys and successors of one link dialled in any minute. */
  readonly successorsPerMinute: number;
  /** A client without a connection for so long ends the session. */
  readonly clientGoneMs: number;
  /** A session whose client never connected. */
  readonly unclaimedMs: number;
  /** Nobody said anything for so long: the upstreams are hung up until someone does; 0: never. */
  readonly parkMs: number;
  /** The longest session. Providers' own caps, an hour or less, are rolled over: this bounds what a forgotten call costs. */
  readonly sessionMs: number;
  /** A turn without a pause is committed in parts of this: an endless sound must not grow one item without bound. */
  readonly turnMs: number;
  /** Commit with less audio than this is an error, as at OpenAI. */
  readonly commitLeastMs: number;
  /** Snapshots are asked for at most this often. */
  readonly persistEveryMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  upstreams: 4,
  clientMessageSize: 16 * 1024 * 1024,
  clientEventSize: 16 * 1024 * 1024,
  upstreamMessageSize: 8 * 1024 * 1024,
  items: 1000,
  itemSize: 16 * 1024 * 1024,
  itemAudioMs: 300_000,
  responseTextSize: 256 * 1024,
  archiveBytes: 2 * 1024 * 1024,
  inputHistoryMs: 30_000,
  inputSliceMs: 100,
  backlogBytes: 4 * 1024 * 1024,
  backlogCommands: 40_000,
  laneBytes: 4 * 1024 * 1024,
  outboxBytes: 1536 * 1024,
  clientBufferedBytes: 1024 * 1024,
  upstreamBufferedBytes: 256 * 1024,
  audioMessageBytes: 180_000,
  textMessageChars: 32_000,
  otherItemSize: 1024 * 1024,
  parts: 32,
  activeResponses: 8,
  finishedResponses: 32,
  dialMs: 10_000,
  readyMs: 10_000,
  configuredMs: 1500,
  firstOutputMs: 30_000,
  progressMs: 30_000,
  stallMs: 1950,
  cancelMs: 5000,
  usageMs: 400,
  heldMs: 30_000,
  playsOnMs: 1000,
  overrunMs: 5000,
  stuckMs: 20_000,
  silentAnswerMs: 3000,
  redialFirstMs: 250,
  redialMostMs: 8000,
  redials: 5,
  dialsPerMinute: 20,
  asksPerMinute: 12,
  successorsPerMinute: 12,
  clientGoneMs: 30_000,
  unclaimedMs: 60_000,
  parkMs: 120_000,
  sessionMs: 4 * 60 * 60 * 1000,
  turnMs: 120_000,
  commitLeastMs: 100,
  persistEveryMs: 1000,
};
