/** What of an object's storage a call uses (Durable Objects, SQLite storage API). */
export interface CallStorage {
  readonly kv: {
    get(key: string): unknown;
    list(options: { readonly prefix: string }): Iterable<readonly [string, unknown]>;
    put(key: string, value: unknown): void;
    delete(key: string): unknown;
  };
  put(key: string, value: unknown, options: Unconfirmed): Promise<void>;
  put(entries: Record<string, unknown>, options: Unconfirmed): Promise<void>;
  delete(keys: string | string[], options: Unconfirmed): Promise<unknown>;
  setAlarm(at: number, options?: Unconfirmed): Promise<void>;
  deleteAlarm(): Promise<void>;
  deleteAll(): Promise<void>;
  sync(): Promise<void>;
}

interface Unconfirmed {
  readonly allowUnconfirmed: boolean;
}
