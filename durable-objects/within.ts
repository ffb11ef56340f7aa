/** What `ask` brings, within so many milliseconds: then it is told to stop, and waited for no longer. @throws when it took longer. */
export function within<Answer>(
  mostMs: number,
  ask: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const signal = AbortSignal.timeout(mostMs);
  const tooLate = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("no answer in time")));
  });
  return Promise.race([ask(signal), tooLate]);
}
