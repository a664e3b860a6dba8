// posthog-node, as its documentation has it.
import { PostHog } from "posthog-node";

const { KEY, BASE, WHEN } = process.env;
const client = new PostHog(KEY, { host: BASE });
client.on("error", (fault) => {
  console.error(fault);
  process.exitCode = 1;
});
const timestamp = new Date(WHEN);
client.identify({ distinctId: "ada", properties: { plan: "gold" } });
client.capture({ distinctId: "ada", event: "Order Completed", properties: { amount: 39.95 }, timestamp });
client.capture({ distinctId: "ada", event: "$pageview", properties: { $current_url: "https://shop.example/" }, timestamp });
client.groupIdentify({ groupType: "company", groupKey: "acme", properties: { seats: 3 } });
client.alias({ distinctId: "ada", alias: "visitor-1" });
if (await client.isFeatureEnabled("new-checkout", "ada")) throw new Error("there are no flags here");
await client.shutdown();
