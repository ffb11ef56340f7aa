/** Time as a session needs it: real here, virtual where tests compare whole conversations. */
export interface Clock {
  /** Milliseconds since some fixed moment; never runs back. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Runs `act` once in `ms`; returns what calls it off. */
  after(ms: number, act: () => void): () => void;
  /** Runs `act` when what is under way now is done, others' turns included; returns what calls it off. */
  soon(act: () => void): () => void;
}

export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  soon: (act) => {
    const immediate = setImmediate(act);
    return () => clearImmediate(immediate);
  },
};
