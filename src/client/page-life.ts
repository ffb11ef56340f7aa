/** What happens to the page: hidden, frozen, shown, offline, left. Nothing of it happens outside browsers. */

export interface PageHooks {
  /** Shown, thawed, or online again: what timers did not see in time is looked at now. */
  awake(): void;
  /** The browser says that there is no network any more. */
  offline(): void;
  /** The page goes and does not come back. */
  left(): void;
}

export class PageLife {
  readonly #ended = new AbortController();
  #frozen = false;

  constructor(hooks: PageHooks) {
    const options = { signal: this.#ended.signal };
    const { document: page, window }: Partial<typeof globalThis> = globalThis;
    window?.addEventListener("online", () => hooks.awake(), options);
    window?.addEventListener("offline", () => hooks.offline(), options);
    window?.addEventListener("pageshow", () => hooks.awake(), options);
    // A page that is kept for the back button may be shown again.
    const hide = ({ persisted }: PageTransitionEvent): void => void (persisted || hooks.left());
    window?.addEventListener("pagehide", hide, options);
    const shown = (): void => void (hidden() || hooks.awake());
    page?.addEventListener("visibilitychange", shown, options);
    page?.addEventListener("freeze", () => (this.#frozen = true), options);
    const thawed = (): void => {
      this.#frozen = false;
      hooks.awake();
    };
    page?.addEventListener("resume", thawed, options);
  }

  /** Hidden and running: timers tick once a minute, messages arrive as they come. */
  get slowed(): boolean {
    return hidden() && !this.#frozen;
  }

  stop(): void {
    this.#ended.abort();
  }
}

function hidden(): boolean {
  const { document: page }: Partial<typeof globalThis> = globalThis;
  return page?.visibilityState === "hidden";
}
