import type { Delivery } from "../../gen/maestro/v1/deliveries_pb";

/** `issues.labeled`, or the event alone when it has no action. */
export function eventName(delivery: Pick<Delivery, "event" | "action">): string {
  return delivery.action ? `${delivery.event}.${delivery.action}` : delivery.event;
}

/** The address of a delivery's page; the provider stands in it only when it is not the usual one. */
export function deliveryPath(delivery: Pick<Delivery, "id" | "provider">): string {
  const path = `/deliveries/${encodeURIComponent(delivery.id)}`;
  return delivery.provider && delivery.provider !== "github"
    ? `${path}?provider=${encodeURIComponent(delivery.provider)}`
    : path;
}
