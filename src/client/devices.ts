/** Microphones and loudspeakers as they come and go. */

/** Calls `changed` with all of them whenever one was plugged in or pulled out, until the returned function is called. */
export function watchDevices(changed: (devices: readonly MediaDeviceInfo[]) => void): () => void {
  const { navigator }: Partial<typeof globalThis> = globalThis;
  const { mediaDevices }: Partial<Navigator> = navigator ?? {};
  if (mediaDevices === undefined) return () => undefined;
  const ended = new AbortController();
  const look = async (): Promise<void> => {
    const devices = await mediaDevices.enumerateDevices().catch(() => []);
    if (!ended.signal.aborted) changed(devices);
  };
  mediaDevices.addEventListener("devicechange", () => void look(), { signal: ended.signal });
  return () => ended.abort();
}
