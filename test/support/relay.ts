/** The relay that end-to-end tests talk to. See tools/relay/relay.ts for what it takes and gives. */
export { startRelay, type Relay } from "../../tools/relay/relay.ts";
