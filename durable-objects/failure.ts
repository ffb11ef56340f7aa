/**
 * What may be logged of an exception: its class and where it was thrown. Not its message, which may quote what a
 * client or a provider sent.
 */
const FRAME_LIMIT = 6;

export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const heading = `${error.name}: ${error.message}`;
  const stack = error.stack ?? "";
  const frames = stack.startsWith(heading) ? stack.slice(heading.length) : "";
  return [
    error.name,
    ...frames
      .split("\n")
      .filter((line) => /^\s+at /.test(line))
      .slice(0, FRAME_LIMIT),
  ].join("\n");
}
