/** Names that a connection remembers: the latest. */
const NAMES_KEPT = 256;

export function remember(names: Set<string>, name: string): void {
  names.add(name);
  forgetOldest(names);
}

export function forgetOldest(names: Set<string> | Map<string, string>): void {
  if (names.size <= NAMES_KEPT) return;
  for (const oldest of names.keys()) {
    names.delete(oldest);
    return;
  }
}
