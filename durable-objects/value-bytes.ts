/**
 * A stored value as bytes and back, for what is to be sealed: the storage's own form (structured clone) cannot be had as
 * bytes. Takes what snapshots hold: JSON, `undefined`, BigInt, any number, text with broken surrogates, and views.
 */

const VIEWS = [Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array] as const;
type View = InstanceType<(typeof VIEWS)[number]>;

/** The first byte of each value; views follow `VIEW`, in the order of `VIEWS`. */
const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const NUMBER = 4;
const BIGINT = 5;
/** Text of characters below 256, a byte each, and other text, two each. */
const NARROW = 6;
const WIDE = 7;
const LIST = 8;
const OBJECT = 9;
const VIEW = 16;

const FIRST_BYTES = 64 * 1024;

/** @throws for what no snapshot holds. */
export function toBytes(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.value(value);
  return writer.bytes;
}

/** @throws for what `toBytes` did not write. */
export function fromBytes(bytes: Uint8Array<ArrayBuffer>): unknown {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (!reader.atEnd) throw new Error("bytes after a value");
  return value;
}

class Writer {
  #buffer = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#at);
  }

  value(value: unknown): void {
    if (value === undefined) this.#byte(UNDEFINED);
    else if (value === null) this.#byte(NULL);
    else if (typeof value === "boolean") this.#byte(value ? TRUE : FALSE);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "object") this.#object(value);
    else if (typeof value === "number") {
      this.#byte(NUMBER);
      const at = this.#room(8);
      this.#view.setFloat64(at, value);
    } else if (typeof value === "bigint") {
      this.#byte(BIGINT);
      this.#text(value.toString());
    } else throw new Error(`a snapshot holds no ${typeof value}`);
  }

  #object(value: object): void {
    if (Array.isArray(value)) {
      this.#byte(LIST);
      this.#length(value.length);
      for (const each of value) this.value(each);
      return;
    }
    const kind = VIEWS.findIndex((View) => value instanceof View);
    if (kind >= 0) return this.#viewed(kind, value as View);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new Error("a snapshot holds plain objects");
    const entries = Object.entries(value);
    this.#byte(OBJECT);
    this.#length(entries.length);
    for (const [name, each] of entries) {
      this.#text(name);
      this.value(each);
    }
  }

  #viewed(kind: number, view: View): void {
    this.#byte(VIEW + kind);
    this.#length(view.byteLength);
    const at = this.#room(view.byteLength);
    this.#buffer.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), at);
  }

  #text(text: string): void {
    let wide = false;
    for (let at = 0; at < text.length && !wide; at += 1) wide = text.charCodeAt(at) > 255;
    this.#byte(wide ? WIDE : NARROW);
    this.#length(text.length);
    const from = this.#room(wide ? 2 * text.length : text.length);
    for (let at = 0; at < text.length; at += 1) {
      if (wide) this.#view.setUint16(from + 2 * at, text.charCodeAt(at));
      else this.#buffer[from + at] = text.charCodeAt(at);
    }
  }

  #byte(byte: number): void {
    const at = this.#room(1);
    this.#buffer[at] = byte;
  }

  #length(length: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, length);
  }

  /** @returns where so many bytes go. */
  #room(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#at, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

class Reader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(): unknown {
    const kind = this.#view.getUint8(this.#take(1));
    switch (kind) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NUMBER:
        return this.#view.getFloat64(this.#take(8));
      case BIGINT:
        return BigInt(this.#text(this.#view.getUint8(this.#take(1))));
      case NARROW:
      case WIDE:
        return this.#text(kind);
      case LIST:
        return Array.from({ length: this.#length() }, () => this.value());
      case OBJECT:
        return Object.fromEntries(Array.from({ length: this.#length() }, () => this.#entry()));
      default:
        return this.#viewed(kind - VIEW);
    }
  }

  #entry(): readonly [string, unknown] {
    const name = this.#text(this.#view.getUint8(this.#take(1)));
    return [name, this.value()];
  }

  #viewed(kind: number): View {
    const View = VIEWS[kind];
    if (View === undefined) throw new Error("bytes of no value");
    const length = this.#length();
    const from = this.#take(length);
    return new View(this.#bytes.slice(from, from + length).buffer);
  }

  #text(kind: number): string {
    const length = this.#length();
    const from = this.#take(kind === WIDE ? 2 * length : length);
    const parts: string[] = [];
    // As many arguments as a call takes anywhere.
    for (let done = 0; done < length; done += 8192) {
      const count = Math.min(8192, length - done);
      const codes = Array.from({ length: count }, (_, n) =>
        kind === WIDE ? this.#view.getUint16(from + 2 * (done + n)) : (this.#bytes[from + done + n] ?? 0),
      );
      parts.push(String.fromCharCode(...codes));
    }
    return parts.join("");
  }

  #length(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** @throws RangeError when there are not so many. */
  #take(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new RangeError("fewer bytes than a value has");
    return at;
  }
}
