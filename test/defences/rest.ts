import { against, type Removal } from "./removal.ts";

export const REST: readonly Removal[] = [
];
