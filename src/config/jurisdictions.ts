/** Where a session and all that is stored of it must lie (Durable Objects, data location). */
export const JURISDICTIONS = ["eu", "fedramp", "fedramp-high", "us"] as const;
export type Jurisdiction = (typeof JURISDICTIONS)[number];
