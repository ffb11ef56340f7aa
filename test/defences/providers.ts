import { against, type Removal } from "./removal.ts";

export const PROVIDERS: readonly Removal[] = [
];
