/**
 * The key of one session's stored values, and who may have it: it is drawn for the session and is in its object's memory
 * alone. Stored is only what each of the session's resume tokens makes it from (HKDF, RFC 5869; AES-GCM, NIST SP 800-38D):
 * a token has 120 random bits or more, and is stored nowhere but under the key itself.
 */

export interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

const KEY_BYTES = 32;
const IV_BYTES = 12;
const CIPHER = "AES-GCM";
const INFO = "relay session key under a resume token";

export class SealKey {
  readonly #raw: Uint8Array<ArrayBuffer>;
  readonly #key: CryptoKey;
  /** Of the tokens that there were last. */
  #wrapped = new Map<string, Sealed>();

  private constructor(raw: Uint8Array<ArrayBuffer>, key: CryptoKey) {
    this.#raw = raw;
    this.#key = key;
  }

  static draw(): Promise<SealKey> {
    return SealKey.#of(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
  }

  static async #of(raw: Uint8Array<ArrayBuffer>): Promise<SealKey> {
    return new SealKey(raw, await crypto.subtle.importKey("raw", raw, CIPHER, false, ["encrypt", "decrypt"]));
  }

  /** The key that one of these was made of with this token; null: none was. */
  static async from(token: string, wraps: readonly Sealed[]): Promise<SealKey | null> {
    const under = await tokenKey(token);
    for (const wrap of wraps) {
      const raw = await decrypt(under, wrap, "key");
      if (raw !== null) return SealKey.#of(raw);
    }
    return null;
  }

  /** What each of these tokens makes the key from. */
  async wraps(tokens: readonly string[]): Promise<readonly Sealed[]> {
    const wrapped = new Map<string, Sealed>();
    for (const token of tokens) {
      const known = this.#wrapped.get(token) ?? (await encrypt(await tokenKey(token), this.#raw, "key"));
      wrapped.set(token, known);
    }
    this.#wrapped = wrapped;
    return [...wrapped.values()];
  }

  /** @param name under which it is stored: it is good under no other. */
  seal(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Sealed> {
    return encrypt(this.#key, bytes, name);
  }

  /** @throws when it was sealed by another key, or under another name. */
  async open(sealed: Sealed, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await decrypt(this.#key, sealed, name);
    if (bytes === null) throw new Error("a stored value cannot be opened");
    return bytes;
  }
}

async function tokenKey(token: string): Promise<CryptoKey> {
  const text = (value: string) => new TextEncoder().encode(value);
  const secret = await crypto.subtle.importKey("raw", text(token), "HKDF", false, ["deriveKey"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: text(INFO) };
  return crypto.subtle.deriveKey(hkdf, secret, { name: CIPHER, length: 256 }, false, ["encrypt", "decrypt"]);
}

async function encrypt(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const additionalData = new TextEncoder().encode(name);
  const sealed = await crypto.subtle.encrypt({ name: CIPHER, iv, additionalData }, key, bytes);
  return { iv, sealed: new Uint8Array(sealed) };
}

async function decrypt(
  key: CryptoKey,
  { iv, sealed }: Sealed,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const additionalData = new TextEncoder().encode(name);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: CIPHER, iv, additionalData }, key, sealed));
  } catch {
    // Of another key, or changed.
    return null;
  }
}
