/** Why a model name leads to no plan. */

/** The Worker's environment: strings are read, of services only whether they are there. */
export type Bindings = object;

/** `model_not_found`: the client's mistake. The others: the deployment's. */
type PlanErrorCode = "model_not_found" | "binding_missing" | "unreachable";

/** Why a model has no plan. Names routes and bindings, never their values. */
export class PlanError extends Error {
  override readonly name = "PlanError";
  readonly code: PlanErrorCode;

  constructor(code: PlanErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
