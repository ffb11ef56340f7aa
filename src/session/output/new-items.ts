/** An item of an answer begins: who is told of it, and when. */
import type { OutputItemsHost } from "./output-items.ts";
import type { ResponseSession } from "./response-session.ts";

export function newItems({ links, voices }: ResponseSession): Pick<OutputItemsHost, "began" | "command"> {
  return {
    command: (stream, command) => links[stream]?.command(command),
    began(response, { key, id }) {
      if (response.own) return;
      const link = links[response.stream];
      if (response.connection === link?.serving) link.command({ type: "named", what: "item", key, id });
      else link?.tellLater(id);
      if (!response.outOfBand) voices.tellOthers(response, id);
    },
  };
}
