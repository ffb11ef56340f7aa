/** The moderators, by the name that a route gives them. To add one: its file, what a route says of it (`state/moderator-choice.ts`), and its lines here and in `config/guard.ts`. */
import type { Moderator } from "./moderator.ts";
import { openAiModerator } from "./openai.ts";
import { patternsModerator } from "./patterns.ts";
import { workersAiModerator } from "./workers-ai.ts";
import type { ModeratorChoice } from "../../state/moderator-choice.ts";

export function moderatorOf(choice: ModeratorChoice): Moderator {
  switch (choice.adapter) {
    case "openai":
      return openAiModerator(choice);
    case "patterns":
      return patternsModerator(choice);
    case "workers-ai":
      return workersAiModerator(choice);
  }
}
