import { expect, it } from "vitest";
import { DeliveryOutcome } from "../../gen/maestro/v1/deliveries_pb";
import { sampleDelivery } from "../../test/samples";
import { deliveryFilterParams, deliveryListRules, parseDeliveryFilters } from "./filters";
import { deliveryPath, eventName } from "./words";

const filters = {
  outcome: DeliveryOutcome.IGNORED,
  event: "push",
  repository: "acme/shop",
  project: "shop",
};

it("keeps every filter in the address bar", () => {
  const params = deliveryFilterParams(filters);
  expect(params.toString()).toBe("outcome=ignored&event=push&repository=acme%2Fshop&project=shop");
  expect(parseDeliveryFilters(params)).toEqual(filters);
  expect(parseDeliveryFilters(new URLSearchParams("outcome=x")).outcome).toBe(
    DeliveryOutcome.UNSPECIFIED,
  );
});

it("lets live changes in that match, newest first", () => {
  const { matches, order } = deliveryListRules(filters);
  const push = sampleDelivery({ event: "push", outcome: DeliveryOutcome.IGNORED });
  expect(matches(push)).toBe(true);
  expect(matches({ ...push, event: "issues" })).toBe(false);
  expect(matches({ ...push, outcome: DeliveryOutcome.ACCEPTED })).toBe(false);
  expect(matches({ ...push, repository: "acme/other" })).toBe(false);
  expect(matches({ ...push, project: "other" })).toBe(false);
  expect(order({ ...push, revision: 10n }, push)).toBeLessThan(0);
});

it("names events and addresses", () => {
  expect(eventName({ event: "issues", action: "labeled" })).toBe("issues.labeled");
  expect(eventName({ event: "push", action: "" })).toBe("push");
  expect(deliveryPath({ id: "a/b", provider: "github" })).toBe("/deliveries/a%2Fb");
  expect(deliveryPath({ id: "1", provider: "gitlab" })).toBe("/deliveries/1?provider=gitlab");
});
