/** The guard that a session runs, from that of its route. */
import type { ModeratorChoice } from "../session/state/moderator-choice.ts";
import type { GuardPlan } from "../session/state/guard-plan.ts";
import type { RouteConfig } from "./define.ts";

type GuardConfig = NonNullable<RouteConfig["guard"]>;
type ModeratorConfig = NonNullable<GuardConfig["input"]>["moderators"][number];
type OpenAiConfig = Extract<ModeratorConfig, { readonly adapter: "openai" }>;

/** How what is named is found. @throws PlanError when it is not there */
export interface Found {
  url(url: NonNullable<OpenAiConfig["url"]>): string;
  headers(headers: NonNullable<OpenAiConfig["headers"]>): Record<string, string>;
  /** The name of a binding that is there. */
  service(binding: string): string;
}

const OPENAI_URL = "https://api.openai.com/v1/moderations";
const OPENAI_MODEL = "omni-moderation-latest";
const LLAMA_GUARD = "@cf/meta/llama-guard-3-8b";
const WAIT_MS = 2000;

export function resolveGuard({ input, output }: GuardConfig, found: Found): GuardPlan {
  const side = ({ moderators, fail }: Pick<NonNullable<typeof input>, "moderators" | "fail">) => ({
    moderators: moderators.map((one) => resolveModerator(one, found)),
    fail,
  });
  return {
    ...(input && { input: { ...side(input), waitMs: input.waitMs ?? WAIT_MS } }),
    ...(output && {
      output: {
        ...side(output),
        holdMs: output.holdMs,
        ...(output.replacement !== undefined && { replacement: output.replacement }),
      },
    }),
  };
}

function resolveModerator(moderator: ModeratorConfig, found: Found): ModeratorChoice {
  switch (moderator.adapter) {
    case "patterns":
      return moderator;
    case "openai": {
      const { url = OPENAI_URL, headers = {}, model = OPENAI_MODEL, categories } = moderator;
      const asked = {
        adapter: moderator.adapter,
        url: found.url(url),
        headers: found.headers(headers),
        model,
      };
      return categories === undefined ? asked : { ...asked, categories };
    }
    case "workers-ai": {
      const { binding = "AI", model = LLAMA_GUARD } = moderator;
      return { adapter: moderator.adapter, binding: found.service(binding), model };
    }
  }
}

export function moderatorsOf(guard: GuardConfig | undefined): readonly ModeratorConfig[] {
  return [...(guard?.input?.moderators ?? []), ...(guard?.output?.moderators ?? [])];
}
