/**
 * Messages of clients that were put out. A close alone does not stop one that goes on sending: workerd delivered 35,000 more
 * messages of a flood after it. A client that took over did so while the former's messages were on their way, a gap's
 * audio among them: there it takes more.
 */
const MOST = 200;
const MOST_BESIDE = 5000;

export class LateMessages {
  #count = 0;
  #cut = false;

  /** A client was let in. */
  forget(): void {
    this.#count = 0;
  }

  /** One more came. @returns whether they are too many; once. @param attended another client is connected. */
  tooMany(attended: boolean): boolean {
    this.#count += 1;
    if (this.#cut || this.#count <= (attended ? MOST_BESIDE : MOST)) return false;
    this.#cut = true;
    return true;
  }
}
