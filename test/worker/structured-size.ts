/** At least what a value takes: two bytes for a character, eight for a number. */
export function structuredSize(value: unknown): number {
  if (typeof value === "string") return 2 * value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value !== "object" || value === null) return 8;
  return Object.entries(value).reduce((sum, [key, each]) => sum + key.length + structuredSize(each), 0);
}
