/** The moderators, by the name that a route gives them. To add one: its file, and its lines here and in `config/guard.ts`. */
import type { Moderator } from "./moderator.ts";
import { openAiModerator, type OpenAiChoice } from "./openai.ts";
import { patternsModerator, type PatternsChoice } from "./patterns.ts";
import { workersAiModerator, type WorkersAiChoice } from "./workers-ai.ts";

export type ModeratorChoice = OpenAiChoice | PatternsChoice | WorkersAiChoice;

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
