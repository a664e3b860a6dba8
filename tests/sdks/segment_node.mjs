// @segment/analytics-node, as its documentation has it.
import { Analytics } from "@segment/analytics-node";

const { KEY, BASE, WHEN } = process.env;
const analytics = new Analytics({ writeKey: KEY, host: BASE });
analytics.on("error", (fault) => {
  console.error(fault);
  process.exitCode = 1;
});
const timestamp = new Date(WHEN);
analytics.identify({ userId: "ada", anonymousId: "visitor-1", traits: { plan: "gold" }, timestamp });
analytics.track({ userId: "ada", event: "Order Completed", properties: { amount: 39.95 }, timestamp });
analytics.page({ userId: "ada", category: "Shop", name: "Home", properties: { path: "/" }, timestamp });
analytics.screen({ userId: "ada", category: "Shop", name: "Cart", properties: { items: 2 }, timestamp });
analytics.group({ userId: "ada", groupId: "acme", traits: { seats: 3 }, timestamp });
analytics.alias({ userId: "ada", previousId: "visitor-1", timestamp });
await analytics.closeAndFlush();
