/** Every buffer's bound and every wait's deadline, with its unit and what it stops. */
export interface Limits {
  /** Upstreams in one plan: fan-out multiplies every frame. */
  readonly upstreams: number;
  /** Characters or bytes of one client message. OpenAI allows 15 MiB of base64 in one append, so that much passes. */
  readonly clientMessageSize: number;
  /** Messages of a client that are no audio: so many at once (the whole history may be told so), and beyond it a second. */
  readonly clientEventsBurst: number;
  readonly clientEventsPerSecond: number;
  /** Bytes or characters of a client's messages and of what they make the relay answer, likewise. */
  readonly clientBytesBurst: number;
  readonly clientBytesPerSecond: number;
  /** Characters that are shown again because it asks: the configuration, with each update, and items. Likewise. */
  readonly clientToldBurst: number;
  readonly clientToldPerSecond: number;
  /**
   * Milliseconds of audio that a client may send at once, a recording or what a gap held back, and beyond it seconds of
   * audio a second: each costs some 4 ms of CPU.
   */
  readonly clientAudioBurstMs: number;
  readonly clientAudioSpeed: number;
  /**
   * Of audio that came at once, milliseconds that are worked through as fast as may be, and beyond it seconds of audio a
   * second: a gap that a network tore is heard at once, and minutes of it take no more than 2 % of the thread.
   */
  readonly clientWorkBurstMs: number;
  readonly clientWorkSpeed: number;
  /** A message of audio counts as this much at least: an empty one costs as well. */
  readonly clientAudioLeastMs: number;
  /** One of less than a millisecond counts as this much: nobody's microphone gives so little. */
  readonly clientAudioCrumbMs: number;
  /** Errors told one by one; beyond it the same code once a second. */
  readonly clientErrorsBurst: number;
  readonly clientErrorsPerSecond: number;
  /** Refused messages, 64 KiB of one counting as another, after which the client is hung up on. */
  readonly clientRefusalsBurst: number;
  readonly clientRefusalsPerSecond: number;
  /** Answers that are asked for in a minute, by the client or by turns: each costs. */
  readonly answersPerMinute: number;
  /** Answers asked for in advance in a minute: most are thrown away. */
  readonly eagerPerMinute: number;
  /** Answers to silence (`idle_timeout_ms`) without a word of the caller between them: a forgotten tab. */
  readonly idleAnswers: number;
  /** Levels of JSON in a client's message: what is kept is merged and written out by recursion. */
  readonly jsonDepth: number;
  /** Members and elements of a client's message: each is looked at. */
  readonly jsonMembers: number;
  /** Backslashes of a client's message, and its characters that are in no string: likewise. */
  readonly jsonEscapes: number;
  readonly jsonOutside: number;
  /** Characters of JSON in the session's configuration: it is shown whole with each update. */
  readonly configurationSize: number;
  /** Bytes or characters of one upstream message: a hostile provider must not exhaust the isolate's 128 MB. */
  readonly upstreamMessageSize: number;
  /** Messages of an upstream: so many at once, whole answers in small pieces, and beyond it a second. */
  readonly upstreamMessagesBurst: number;
  readonly upstreamMessagesPerSecond: number;
  /** Of these, such as are no message of its protocol. */
  readonly upstreamNonsenseBurst: number;
  readonly upstreamNonsensePerSecond: number;
  /** Items in the conversation; the oldest finished one is forgotten beyond it. */
  readonly items: number;
  /** Characters of JSON in one item that a client creates, without its images and audio. */
  readonly itemSize: number;
  /** Characters of its images. */
  readonly itemMediaSize: number;
  /** Characters of JSON in all items; the oldest finished ones are forgotten beyond it. */
  readonly conversationSize: number;
  /** Characters of a `response.create`, without its images and audio, and of these: it is kept until the answer has ended. */
  readonly responseParamsSize: number;
  readonly responseMediaSize: number;
  /** Characters that a client can have kept in all: conversation, configurations, answers, what waits for upstreams. */
  readonly sessionSize: number;
  /**
   * Milliseconds of audio in one created item or one response's input: in an upstream's format and in base64 it may have
   * sixteen times its bytes.
   */
  readonly itemAudioMs: number;
  /** Characters of text and arguments one response may produce. */
  readonly responseTextSize: number;
  /**
   * Bytes of audio kept: of what the caller says now, which may have to be heard again, and in the rest of it of items, for
   * `conversation.item.retrieve` and for replay, oldest dropped first (32 s of 24 kHz PCM). All calls of an isolate share 128 MB.
   */
  readonly archiveBytes: number;
  /**
   * Bytes of audio kept in all where nobody knows the words of what the caller said, and some upstream can be told of it by
   * its sound (262 s of 24 kHz PCM). With the conversation's text at most `sessionSize`.
   */
  readonly wordlessBytes: number;
  /** Milliseconds of input audio held for pre-roll and for an upstream that must hear a turn again. */
  readonly inputHistoryMs: number;
  /** Input is worked through in pieces of at most this, so that one huge append cannot outrun the history. */
  readonly inputSliceMs: number;
  /** Of one message not more is worked through at once, some 7 ms of CPU: other sessions share the thread. */
  readonly inputStepMs: number;
  /** Characters of an event beyond which it is read in one step and done in the next: each takes up to 10 ms of CPU. */
  readonly eventStepSize: number;
  /** Audio bytes waiting for an upstream that is still dialling (87 s of 24 kHz PCM). Beyond it the oldest goes, which is told. */
  readonly backlogBytes: number;
  /** Commands waiting likewise, and characters in them. Beyond it the link is given up, aloud. */
  readonly backlogCommands: number;
  readonly backlogSize: number;
  /** Bytes of an upstream's audio waiting for the listener, per response (87 s of 24 kHz PCM). */
  readonly laneBytes: number;
  /** Characters of all else that waits likewise, and 512 for each event. Beyond it the answer fails, aloud; of audio half as many events. */
  readonly laneSize: number;
  /** Bytes sent to a `duplex.v1` client and not acknowledged (30 s of 24 kHz PCM); what falls out is told. */
  readonly outboxBytes: number;
  /** Bytes in a client's socket beyond which answers wait in their lanes: a client that does not read. */
  readonly clientBufferedBytes: number;
  /** Bytes there beyond which the client is given up at once, what a return has to be told not counted. */
  readonly clientUnreadBytes: number;
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
  /** A session that is to end when all is heard ends after so long, whatever is said still. */
  readonly leavingMs: number;
  /** Observers of the application's at once; one more puts the oldest out. */
  readonly observers: number;
  /** Bytes in an observer's socket beyond which it is dropped, the conversation that it was told not counted. */
  readonly observerUnreadBytes: number;
  /** And that it is dropped after, where it takes none of them. */
  readonly observerStuckMs: number;
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
  clientEventsBurst: 2000,
  clientEventsPerSecond: 100,
  clientBytesBurst: 32 * 1024 * 1024,
  clientBytesPerSecond: 1024 * 1024,
  clientToldBurst: 2 * 1024 * 1024,
  clientToldPerSecond: 128 * 1024,
  clientAudioBurstMs: 330_000,
  clientAudioSpeed: 4,
  clientWorkBurstMs: 30_000,
  clientWorkSpeed: 5,
  clientAudioLeastMs: 10,
  clientAudioCrumbMs: 100,
  clientErrorsBurst: 200,
  clientErrorsPerSecond: 20,
  clientRefusalsBurst: 500,
  clientRefusalsPerSecond: 100,
  answersPerMinute: 120,
  eagerPerMinute: 20,
  idleAnswers: 3,
  jsonDepth: 64,
  jsonMembers: 10_000,
  jsonEscapes: 1024 * 1024,
  jsonOutside: 1024 * 1024,
  configurationSize: 256 * 1024,
  upstreamMessageSize: 8 * 1024 * 1024,
  upstreamMessagesBurst: 10_000,
  upstreamMessagesPerSecond: 1000,
  upstreamNonsenseBurst: 100,
  upstreamNonsensePerSecond: 10,
  items: 1000,
  itemSize: 256 * 1024,
  itemMediaSize: 8 * 1024 * 1024,
  conversationSize: 8 * 1024 * 1024,
  responseParamsSize: 256 * 1024,
  responseMediaSize: 8 * 1024 * 1024,
  sessionSize: 12 * 1024 * 1024,
  itemAudioMs: 300_000,
  responseTextSize: 256 * 1024,
  archiveBytes: 1536 * 1024,
  wordlessBytes: 12 * 1024 * 1024,
  inputHistoryMs: 30_000,
  inputSliceMs: 100,
  inputStepMs: 2000,
  eventStepSize: 1024 * 1024,
  backlogBytes: 4 * 1024 * 1024,
  backlogCommands: 40_000,
  backlogSize: 16 * 1024 * 1024,
  laneBytes: 4 * 1024 * 1024,
  laneSize: 4 * 1024 * 1024,
  outboxBytes: 1536 * 1024,
  clientBufferedBytes: 1024 * 1024,
  clientUnreadBytes: 4 * 1024 * 1024,
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
  leavingMs: 30_000,
  observers: 8,
  observerUnreadBytes: 2 * 1024 * 1024,
  observerStuckMs: 30_000,
  unclaimedMs: 60_000,
  parkMs: 120_000,
  sessionMs: 4 * 60 * 60 * 1000,
  turnMs: 120_000,
  commitLeastMs: 100,
  persistEveryMs: 1000,
};
