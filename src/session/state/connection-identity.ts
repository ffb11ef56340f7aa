/** What makes a connection: which link's it is, and which of the link's connections. */
export interface ConnectionIdentity {
  readonly link: number;
  readonly number: number;
  /** Index among the link's candidates. */
  readonly candidate: number;
  readonly upstream: string;
}
