/** Messages that are nearly right. */

/**
 * Another value like this one: somewhere in it stands one of `values` instead.
 * @param random a draw from 0 to 1, asked once at each level and once more for what it decides
 */
export function changed(value: unknown, values: readonly unknown[], random: () => number): unknown {
  if (typeof value !== "object" || value === null || random() < 0.15)
    return values[Math.floor(random() * values.length)];
  const entries = Object.entries(value);
  const at = Math.floor(random() * entries.length);
  return Object.fromEntries(
    entries.map(([name, each], index) => [name, index === at ? changed(each, values, random) : each]),
  );
}
