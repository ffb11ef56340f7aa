import { against, type Removal } from "./removal.ts";

export const CLIENTS: readonly Removal[] = [
];
