// @rudderstack/rudder-sdk-node, as its documentation has it.
import RudderAnalytics from "@rudderstack/rudder-sdk-node";

const { KEY, BASE, WHEN } = process.env;
const analytics = new RudderAnalytics(KEY, { dataPlaneUrl: BASE });
const originalTimestamp = new Date(WHEN);
const told = (fault) => {
  if (fault) {
    console.error(fault);
    process.exitCode = 1;
  }
};
analytics.identify({ userId: "ada", anonymousId: "visitor-1", traits: { plan: "gold" }, originalTimestamp }, told);
analytics.track({ userId: "ada", event: "Order Completed", properties: { amount: 39.95 }, originalTimestamp }, told);
analytics.page({ userId: "ada", category: "Shop", name: "Home", properties: { path: "/" }, originalTimestamp }, told);
analytics.screen({ userId: "ada", category: "Shop", name: "Cart", properties: { items: 2 }, originalTimestamp }, told);
analytics.group({ userId: "ada", groupId: "acme", traits: { seats: 3 }, originalTimestamp }, told);
analytics.alias({ userId: "ada", previousId: "visitor-1", originalTimestamp }, told);
await analytics.flush();
