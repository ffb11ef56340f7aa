/**
 * What the driver's own sockets are in workerd (durable-objects/dial.ts), for the compiler alone: here Node's types hold,
 * and the simulator brings sockets of its own.
 */
interface WebSocket {
  accept(): void;
}

interface Response {
  readonly webSocket: WebSocket | null;
}
